//! How a route is described: what is written by hand for each of them. It must not know the document that is made of it.

use coffer_wire::List;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Routes that belong together: a tag of the document, a page of the reference.
pub(super) struct Group {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) about: &'static str,
    /// Its routes.
    pub(super) operations: Vec<Operation>,
}

/// What the content of a body looks like.
pub(super) enum Shape {
    /// As a type of the wire.
    Type(fn(&mut SchemaGenerator) -> Schema),
    /// As said here.
    Said(Value),
}

impl Shape {
    /// The shape of a type.
    pub(super) fn of<T: JsonSchema>() -> Self {
        Self::Type(SchemaGenerator::subschema_for::<T>)
    }
}

/// A content that a body can have.
pub(super) struct Content {
    /// Its media type.
    pub(super) kind: &'static str,
    /// What it looks like.
    pub(super) shape: Shape,
    /// One of them.
    pub(super) example: Value,
    /// Of JSON Lines: what a line looks like, one of these.
    pub(super) lines: Vec<Shape>,
}

impl Content {
    fn new(kind: &'static str, shape: Shape, example: Value) -> Self {
        Self {
            kind,
            shape,
            example,
            lines: Vec::new(),
        }
    }

    /// JSON.
    pub(super) fn json<T: JsonSchema>(example: Value) -> Self {
        Self::new("application/json", Shape::of::<T>(), example)
    }

    /// JSON of a shape that no type of the wire has.
    pub(super) fn said(schema: Value, example: Value) -> Self {
        Self::new("application/json", Shape::Said(schema), example)
    }

    /// Text of this media type.
    pub(super) fn text(kind: &'static str, example: &str) -> Self {
        let shape = Shape::Said(json!({ "type": "string" }));
        Self::new(kind, shape, Value::from(example))
    }

    /// JSON Lines, with one line as the example.
    pub(super) fn lines(example: &Value) -> Self {
        Self::text("application/x-ndjson", &format!("{example}\n"))
    }

    /// What a line can look like.
    pub(super) fn line<T: JsonSchema>(mut self) -> Self {
        self.lines.push(Shape::of::<T>());
        self
    }

    /// Bytes.
    pub(super) fn bytes() -> Self {
        let shape = Shape::Said(json!({ "contentMediaType": "application/octet-stream" }));
        Self::new("application/octet-stream", shape, Value::Null)
    }
}

/// A good answer.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// When it comes.
    pub(super) means: &'static str,
    /// What is in it; nothing for an answer without a body.
    pub(super) contents: Vec<Content>,
    /// Headers that matter: names of `components/headers`.
    pub(super) headers: Vec<&'static str>,
}

/// A query parameter.
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) means: &'static str,
    /// What it looks like.
    pub(super) schema: Value,
    /// Whether a request without it is refused.
    pub(super) required: bool,
    /// A value that the example has.
    pub(super) example: Option<Value>,
}

impl Parameter {
    fn new(name: &'static str, means: &'static str, schema: Value) -> Self {
        Self {
            name,
            means,
            schema,
            required: false,
            example: None,
        }
    }

    /// Text.
    pub(super) fn text(name: &'static str, means: &'static str) -> Self {
        Self::new(name, means, json!({ "type": "string" }))
    }

    /// `true` or `false`, `false` when absent.
    pub(super) fn flag(name: &'static str, means: &'static str) -> Self {
        Self::new(name, means, json!({ "type": "boolean", "default": false }))
    }

    /// A whole number, 0 or more.
    pub(super) fn number(name: &'static str, means: &'static str) -> Self {
        let schema = json!({ "type": "integer", "format": "int32", "minimum": 0 });
        Self::new(name, means, schema)
    }

    /// A time, RFC 3339.
    pub(super) fn time(name: &'static str, means: &'static str) -> Self {
        Self::new(
            name,
            means,
            json!({ "type": "string", "format": "date-time" }),
        )
    }

    /// One of these words, the first when absent.
    pub(super) fn word(name: &'static str, means: &'static str, words: &[&str]) -> Self {
        let schema = json!({ "type": "string", "enum": words, "default": words.first() });
        Self::new(name, means, schema)
    }

    /// Without it the request is refused.
    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The value that the example has.
    pub(super) fn example(mut self, value: impl Into<Value>) -> Self {
        self.example = Some(value.into());
        self
    }
}

/// A route, described.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) template: &'static str,
    /// What generated clients call it; never changes.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// More, in paragraphs of Markdown without headings, tables or HTML.
    pub(super) about: &'static str,
    /// Who may, in a sentence.
    pub(super) who: &'static str,
    pub(super) query: Vec<Parameter>,
    pub(super) body: Vec<Content>,
    /// Whether a request without a body is refused.
    pub(super) body_required: bool,
    pub(super) answers: Vec<Answer>,
    /// Codes of errors that are its own. What follows from its path and class is added to them.
    pub(super) codes: Vec<&'static str>,
}

macro_rules! methods {
    ($($name:ident $method:literal;)*) => {$(
        /// Begins the description of a route of this method: template, id, summary.
        pub(super) fn $name(template: &'static str, id: &'static str, summary: &'static str) -> Operation {
            Operation::new($method, template, id, summary)
        }
    )*};
}

methods! {
    get "GET";
    options "OPTIONS";
    post "POST";
    put "PUT";
    patch "PATCH";
    delete "DELETE";
}

impl Operation {
    fn new(
        method: &'static str,
        template: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            template,
            id,
            summary,
            about: "",
            who: "",
            query: Vec::new(),
            body: Vec::new(),
            body_required: true,
            answers: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// More about it.
    pub(super) fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// Who may.
    pub(super) fn who(mut self, text: &'static str) -> Self {
        self.who = text;
        self
    }

    /// Query parameters.
    pub(super) fn query<const N: usize>(mut self, parameters: [Parameter; N]) -> Self {
        self.query.extend(parameters);
        self
    }

    /// A JSON body of this type.
    pub(super) fn takes<T: JsonSchema>(self, example: Value) -> Self {
        self.takes_content(Content::json::<T>(example))
    }

    /// A body of this content; several are alternatives.
    pub(super) fn takes_content(mut self, content: Content) -> Self {
        self.body.push(content);
        self
    }

    /// The body may be left out.
    pub(super) fn or_nothing(mut self) -> Self {
        self.body_required = false;
        self
    }

    /// 200 with JSON of this type.
    pub(super) fn gives<T: JsonSchema>(self, means: &'static str, example: Value) -> Self {
        self.answers(200, means, Content::json::<T>(example))
    }

    /// 200 with a list of this type, wrapped as lists are. The example is the elements.
    pub(super) fn gives_list<T: JsonSchema>(self, means: &'static str, elements: Value) -> Self {
        self.answers(200, means, Content::json::<List<T>>(wrapped(elements)))
    }

    /// An answer with this status and content; several with one status are alternatives.
    pub(super) fn answers(mut self, status: u16, means: &'static str, content: Content) -> Self {
        match self.answers.iter_mut().find(|one| one.status == status) {
            Some(answer) => answer.contents.push(content),
            None => self.answers.push(Answer {
                status,
                means,
                contents: vec![content],
                headers: Vec::new(),
            }),
        }
        self
    }

    /// An answer without a body.
    pub(super) fn empty(mut self, status: u16, means: &'static str) -> Self {
        self.answers.push(Answer {
            status,
            means,
            contents: Vec::new(),
            headers: Vec::new(),
        });
        self
    }

    /// A header of the answer described last.
    pub(super) fn with_header(mut self, name: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push(name);
        }
        self
    }

    /// Codes of errors that are its own.
    pub(super) fn refuses<const N: usize>(mut self, codes: [&'static str; N]) -> Self {
        self.codes.extend(codes);
        self
    }
}

/// The elements, wrapped as lists are.
pub(super) fn wrapped(elements: Value) -> Value {
    json!({ "count": elements.as_array().map_or(0, Vec::len), "value": elements })
}
