//! Text of an expression to tokens. Knows no grammar.

use super::{Span, SyntaxError};
use crate::diagnostic::quotable;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Number(f64),
    Version(String),
    Text(Arc<str>),
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Comma,
    Dot,
    Star,
    End,
}

/// All tokens, the last one [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
    };
    while let Some(c) = lexer.peek() {
        let start = lexer.at;
        let kind = match c {
            ' ' | '\t' | '\r' | '\n' => {
                lexer.at += 1;
                continue;
            }
            '(' => lexer.single(TokenKind::Open),
            ')' => lexer.single(TokenKind::Close),
            '[' => lexer.single(TokenKind::OpenIndex),
            ']' => lexer.single(TokenKind::CloseIndex),
            ',' => lexer.single(TokenKind::Comma),
            '*' => lexer.single(TokenKind::Star),
            '\'' => lexer.text()?,
            '.' if !lexer.number_may_start() => lexer.single(TokenKind::Dot),
            '0'..='9' | '.' | '-' | '+' => lexer.number()?,
            c if c.is_ascii_alphabetic() || c == '_' => lexer.word(),
            c => return Err(unexpected(c, start)),
        };
        let end = lexer.at;
        lexer.tokens.push(Token {
            kind,
            span: Span { start, end },
        });
    }
    let end = text.len();
    lexer.tokens.push(Token {
        kind: TokenKind::End,
        span: Span { start: end, end },
    });
    Ok(lexer.tokens)
}

fn unexpected(c: char, offset: usize) -> SyntaxError {
    let shown = quotable(&c.to_string());
    let message = match c {
        '"' => "`\"` does not start a string here: strings stand in single quotes".to_owned(),
        '=' | '!' | '<' | '>' | '&' | '|' => {
            format!(
                "there is no operator `{shown}`: use functions, for example eq(a, b), and(a, b), not(a)"
            )
        }
        '$' => "`$` has no meaning in an expression: write variables['name']".to_owned(),
        _ => format!("`{shown}` is not part of an expression"),
    };
    SyntaxError { message, offset }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn single(&mut self, kind: TokenKind) -> TokenKind {
        self.at += 1;
        kind
    }

    /// After a name, `)` or `]` a dot is an access; elsewhere `.5` is a number.
    fn number_may_start(&self) -> bool {
        let follows_value = matches!(
            self.tokens.last().map(|token| &token.kind),
            Some(TokenKind::Word(_) | TokenKind::Close | TokenKind::CloseIndex | TokenKind::Star)
        );
        !follows_value && self.text[self.at + 1..].starts_with(|c: char| c.is_ascii_digit())
    }

    fn text(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        let mut value = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(quote) = rest.find('\'') else {
                return Err(SyntaxError {
                    message: "this string has no closing `'`".to_owned(),
                    offset: start,
                });
            };
            value.push_str(&rest[..quote]);
            self.at += quote + 1;
            if !self.text[self.at..].starts_with('\'') {
                return Ok(TokenKind::Text(value.into()));
            }
            value.push('\'');
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest
            .char_indices()
            .position(|(i, c)| {
                !(c.is_ascii_alphanumeric()
                    || c == '.'
                    || c == '_'
                    || (i == 0 && matches!(c, '-' | '+')))
            })
            .unwrap_or(rest.len());
        let raw = &rest[..length];
        self.at += length;
        let wrong = || SyntaxError {
            message: format!("`{}` is not a number", quotable(raw)),
            offset: start,
        };
        let digits = raw.strip_prefix(['-', '+']).unwrap_or(raw);
        let dots = digits.matches('.').count();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(wrong());
        }
        if (2..=3).contains(&dots)
            && digits.len() == raw.len()
            && digits.split('.').all(|part| !part.is_empty())
        {
            return Ok(TokenKind::Version(raw.to_owned()));
        }
        raw.parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(TokenKind::Number)
            .ok_or_else(wrong)
    }

    fn word(&mut self) -> TokenKind {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        self.at += length;
        TokenKind::Word(rest[..length].to_owned())
    }
}
