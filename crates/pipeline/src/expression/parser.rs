//! Tokens to a tree: a Pratt parser. The language has no infix operators today; indexers bind as postfix operators, and
//! the place where an infix table would go is `postfix`.

use super::lexer::{Token, TokenKind, tokens};
use super::{Expression, Kind, MAX_DEPTH, MAX_LENGTH, Span, SyntaxError};

/// Parses a whole text as one expression.
///
/// # Errors
///
/// [`SyntaxError`] with the place: for malformed text, and for one longer than [`MAX_LENGTH`] or deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    parse_at(text, 0)
}

/// The same for a part of a text that begins at an offset, from which places are counted.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_at(text: &str, offset: usize) -> Result<Expression, SyntaxError> {
    let moved = |mut wrong: SyntaxError| {
        wrong.offset += offset;
        wrong
    };
    if text.len() > MAX_LENGTH {
        return Err(error(
            format!(
                "an expression may have {MAX_LENGTH} bytes and this one has {}",
                text.len()
            ),
            offset,
        ));
    }
    let mut tokens = tokens(text).map_err(moved)?;
    for token in &mut tokens {
        token.span.start += offset;
        token.span.end += offset;
    }
    let mut parser = Parser { tokens, at: 0 };
    if parser.kind() == &TokenKind::End {
        return Err(error("an expression is expected here", offset));
    }
    let built = parser.expression(0)?;
    match parser.kind() {
        TokenKind::End => Ok(built.tree),
        TokenKind::Close => Err(error("this `)` closes nothing", parser.offset())),
        _ => Err(error("the expression should end here", parser.offset())),
    }
}

fn error(message: impl Into<String>, offset: usize) -> SyntaxError {
    SyntaxError {
        message: message.into(),
        offset,
    }
}

fn too_deep(offset: usize) -> SyntaxError {
    error(
        format!("expressions may be {MAX_DEPTH} levels deep"),
        offset,
    )
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

/// A tree and how many levels it has: chains of indexers grow to the left, where the parser's own depth does not see it.
struct Built {
    tree: Expression,
    levels: usize,
}

impl Built {
    /// A tree whose deepest part has so many levels.
    fn over(parts: usize, kind: Kind, span: Span) -> Result<Self, SyntaxError> {
        let levels = parts + 1;
        if levels > MAX_DEPTH {
            return Err(too_deep(span.start));
        }
        let tree = Expression { kind, span };
        Ok(Self { tree, levels })
    }
}

impl Parser {
    /// The present token; the last one is always `End`.
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &TokenKind {
        &self.token().kind
    }

    fn offset(&self) -> usize {
        self.token().span.start
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    fn expression(&mut self, depth: usize) -> Result<Built, SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(self.offset()));
        }
        let mut left = self.prefix(depth)?;
        while matches!(self.kind(), TokenKind::Dot | TokenKind::OpenIndex) {
            if left.levels >= MAX_DEPTH {
                return Err(too_deep(self.offset()));
            }
            left = self.postfix(left, depth)?;
        }
        Ok(left)
    }

    fn prefix(&mut self, depth: usize) -> Result<Built, SyntaxError> {
        let Token { kind, span } = self.next();
        let kind = match kind {
            TokenKind::Number(value) => Kind::Number(value),
            TokenKind::Version(text) => Kind::Version(text),
            TokenKind::Text(text) => Kind::Text(text),
            TokenKind::Word(word) if self.kind() == &TokenKind::Open => {
                return self.call(word, span, depth);
            }
            TokenKind::Word(word) if word.eq_ignore_ascii_case("true") => Kind::Boolean(true),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("false") => Kind::Boolean(false),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("null") => Kind::Null,
            TokenKind::Word(word) => Kind::Name(word),
            TokenKind::End => return Err(error("the expression ends too early", span.start)),
            TokenKind::Open => {
                return Err(error(
                    "`(` stands only right after the name of a function",
                    span.start,
                ));
            }
            _ => return Err(error("a value or a function is expected here", span.start)),
        };
        Built::over(0, kind, span)
    }

    fn call(&mut self, name: String, start: Span, depth: usize) -> Result<Built, SyntaxError> {
        let open = self.next();
        let mut arguments = Vec::new();
        let mut levels = 0;
        let done = |name, arguments, levels, end| {
            let span = Span {
                start: start.start,
                end,
            };
            Built::over(levels, Kind::Call { name, arguments }, span)
        };
        if self.kind() == &TokenKind::Close {
            let end = self.next().span.end;
            return done(name, arguments, levels, end);
        }
        loop {
            let argument = self.expression(depth + 1)?;
            levels = levels.max(argument.levels);
            arguments.push(argument.tree);
            let token = self.next();
            match token.kind {
                TokenKind::Comma => {}
                TokenKind::Close => return done(name, arguments, levels, token.span.end),
                TokenKind::End => return Err(error("this `(` is never closed", open.span.start)),
                _ => return Err(error("`,` or `)` is expected here", token.span.start)),
            }
        }
    }

    fn postfix(&mut self, of: Built, depth: usize) -> Result<Built, SyntaxError> {
        let operator = self.next();
        let start = of.tree.span.start;
        let mut levels = of.levels;
        let of = Box::new(of.tree);
        if operator.kind == TokenKind::Dot {
            let Token { kind, span } = self.next();
            let kind = match kind {
                TokenKind::Star => Kind::All { of },
                TokenKind::Word(word) => Kind::Index {
                    of,
                    key: Box::new(Expression {
                        kind: Kind::Text(word.into()),
                        span,
                    }),
                },
                _ => return Err(error("a name is expected after `.`", span.start)),
            };
            let end = span.end;
            return Built::over(levels, kind, Span { start, end });
        }
        let kind = if self.kind() == &TokenKind::Star {
            self.next();
            Kind::All { of }
        } else {
            let key = self.expression(depth + 1)?;
            levels = levels.max(key.levels);
            let key = Box::new(key.tree);
            Kind::Index { of, key }
        };
        let close = self.next();
        match close.kind {
            TokenKind::CloseIndex => {
                let end = close.span.end;
                Built::over(levels, kind, Span { start, end })
            }
            TokenKind::End => Err(error("this `[` is never closed", operator.span.start)),
            _ => Err(error("`]` is expected here", close.span.start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_language_is_read() {
        for text in [
            "succeeded()",
            "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))",
            "not(contains(variables.name, 'it''s'))",
            "in(dependencies.A.result, 'Succeeded', 'Skipped')",
            "eq(dependencies.A.outputs['step.var'], 1.5)",
            "gt(variables['v'], 1.2.3)",
            "or(true, FALSE, null, -1, .5)",
            "join(';', parameters.items.*.name)",
            "iif(x[*], a[b[0]], format('{0}', c))",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
        let tree = parse("f( 'a''b' )").expect("call");
        let Kind::Call { name, arguments } = tree.kind else {
            panic!("a call")
        };
        assert_eq!(
            (name.as_str(), &arguments[0].kind),
            ("f", &Kind::Text("a'b".into()))
        );
        assert_eq!(arguments[0].span, Span { start: 3, end: 9 });
    }

    #[test]
    fn malformed_text_is_refused_at_its_place() {
        for (text, offset, message) in [
            ("", 0, "an expression is expected here"),
            ("  ", 0, "an expression is expected here"),
            ("succeeded(", 10, "the expression ends too early"),
            ("and(a, b", 3, "this `(` is never closed"),
            ("succeeded())", 11, "this `)` closes nothing"),
            ("a b", 2, "the expression should end here"),
            ("eq(a b)", 5, "`,` or `)` is expected here"),
            ("eq(,)", 3, "a value or a function is expected here"),
            (
                "(eq(a, b))",
                0,
                "`(` stands only right after the name of a function",
            ),
            ("a.", 2, "a name is expected after `.`"),
            ("a['b'", 1, "this `[` is never closed"),
            ("a['b')", 5, "`]` is expected here"),
            ("eq('x", 3, "this string has no closing `'`"),
            ("eq(a, 1x)", 6, "`1x` is not a number"),
            ("eq(a, 1.2.3.4.5)", 6, "`1.2.3.4.5` is not a number"),
            (
                "a == b",
                2,
                "there is no operator `=`: use functions, for example eq(a, b), and(a, b), not(a)",
            ),
            (
                "eq(a, \"b\")",
                6,
                "`\"` does not start a string here: strings stand in single quotes",
            ),
            (
                "eq($(a), 1)",
                3,
                "`$` has no meaning in an expression: write variables['name']",
            ),
            ("ключ", 0, "`к` is not part of an expression"),
        ] {
            let wrong = parse(text).expect_err(text);
            assert_eq!(
                (wrong.offset, wrong.message.as_str()),
                (offset, message),
                "{text:?}"
            );
        }
    }

    #[test]
    fn depth_and_length_have_an_end() {
        let deep = |n: usize| format!("{}a{}", "f(".repeat(n), ")".repeat(n));
        assert!(parse(&deep(MAX_DEPTH - 1)).is_ok());
        assert_eq!(
            parse(&deep(MAX_DEPTH)).expect_err("too deep").message,
            "expressions may be 50 levels deep"
        );
        assert!(parse(&"f(".repeat(10_000)).is_err());
        assert!(parse(&format!("a{}", ".b".repeat(10_000))).is_err());
        assert!(parse(&format!("a{}", "[b".repeat(10_000))).is_err());
        assert!(parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
        // Chains and nesting count together: else a tree would be as deep as their product.
        let chain = ".b".repeat(40);
        let called = |links: usize| parse(&format!("not(a{})", ".b".repeat(links)));
        assert!(called(MAX_DEPTH - 2).is_ok());
        assert!(called(MAX_DEPTH - 1).is_err());
        assert!(parse(&format!("a[c]{chain}")).is_ok());
        assert!(parse(&format!("a[c[d]{chain}]{chain}")).is_err());
    }
}
