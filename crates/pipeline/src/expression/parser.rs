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
    if text.len() > MAX_LENGTH {
        return Err(error(
            format!(
                "an expression may have {MAX_LENGTH} bytes and this one has {}",
                text.len()
            ),
            0,
        ));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    if parser.kind() == &TokenKind::End {
        return Err(error("an expression is expected here", 0));
    }
    let expression = parser.expression(0)?;
    match parser.kind() {
        TokenKind::End => Ok(expression),
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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
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

    fn expression(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(error(
                format!("expressions may be {MAX_DEPTH} levels deep"),
                self.offset(),
            ));
        }
        let mut left = self.prefix(depth)?;
        let mut links = depth;
        while matches!(self.kind(), TokenKind::Dot | TokenKind::OpenIndex) {
            links += 1;
            if links >= MAX_DEPTH {
                return Err(error(
                    format!("expressions may be {MAX_DEPTH} levels deep"),
                    self.offset(),
                ));
            }
            left = self.postfix(left, depth)?;
        }
        Ok(left)
    }

    fn prefix(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
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
            _ => return Err(error("a value or a function is expected here", span.start)),
        };
        Ok(Expression { kind, span })
    }

    fn call(&mut self, name: String, start: Span, depth: usize) -> Result<Expression, SyntaxError> {
        let open = self.next();
        let mut arguments = Vec::new();
        if self.kind() == &TokenKind::Close {
            let end = self.next().span.end;
            return Ok(Expression {
                kind: Kind::Call { name, arguments },
                span: Span {
                    start: start.start,
                    end,
                },
            });
        }
        loop {
            arguments.push(self.expression(depth + 1)?);
            let token = self.next();
            match token.kind {
                TokenKind::Comma => {}
                TokenKind::Close => {
                    let span = Span {
                        start: start.start,
                        end: token.span.end,
                    };
                    return Ok(Expression {
                        kind: Kind::Call { name, arguments },
                        span,
                    });
                }
                TokenKind::End => return Err(error("this `(` is never closed", open.span.start)),
                _ => return Err(error("`,` or `)` is expected here", token.span.start)),
            }
        }
    }

    fn postfix(&mut self, of: Expression, depth: usize) -> Result<Expression, SyntaxError> {
        let operator = self.next();
        let start = of.span.start;
        let of = Box::new(of);
        if operator.kind == TokenKind::Dot {
            let Token { kind, span } = self.next();
            let kind = match kind {
                TokenKind::Star => Kind::All { of },
                TokenKind::Word(word) => Kind::Index {
                    of,
                    key: Box::new(Expression {
                        kind: Kind::Text(word),
                        span,
                    }),
                },
                _ => return Err(error("a name is expected after `.`", span.start)),
            };
            return Ok(Expression {
                kind,
                span: Span {
                    start,
                    end: span.end,
                },
            });
        }
        let kind = if self.kind() == &TokenKind::Star {
            self.next();
            Kind::All { of }
        } else {
            Kind::Index {
                of,
                key: Box::new(self.expression(depth + 1)?),
            }
        };
        let close = self.next();
        match close.kind {
            TokenKind::CloseIndex => Ok(Expression {
                kind,
                span: Span {
                    start,
                    end: close.span.end,
                },
            }),
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
            ("f", &Kind::Text("a'b".to_owned()))
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
                "`$` has no meaning in a condition: write variables['name']",
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
    }
}
