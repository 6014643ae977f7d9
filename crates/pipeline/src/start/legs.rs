//! What there will be of a job: the legs of its matrix, its slices, how many run at once, its containers. What an expression
//! gives is looked at as what is written in the YAML is, and counted before anything is made of it. It must not know what a
//! leg does.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Map;

use super::{Scene, StartError, job_name};
use crate::diagnostic::quotable;
use crate::expression::{Time, Value};
use crate::read::{
    LEG_HINT, MAX_LEGS, MAX_VARIABLES, Of, fault_of_name, is_leg, legs, plain, slices,
};
use crate::{Container, Count, Job, Leg, Legs, Runtime, Service, Variable, words};

/// Longest text that is read as a matrix.
const MAX_TEXT: usize = 1 << 20;
const EXAMPLE: &str =
    "a matrix is a mapping, or JSON such as {\"one\": {\"name\": \"value\"}, \"two\": {}}";

impl Scene<'_, '_> {
    /// The legs of a job.
    pub(super) fn legs(&mut self, job: &Job, planned: &Legs) -> Result<Vec<Leg>, StartError> {
        let of = Of::job(&job.display_name, &job.identifier);
        match planned {
            Legs::Named(legs) => Ok(legs.clone()),
            Legs::Slices(expression) => {
                let what = format!("the number of slices of {}", job_name(job));
                let number = self.number(&what, expression, 1)?;
                Ok(slices(number, &of))
            }
            Legs::Matrix(expression) => {
                let what = format!("the matrix of {}", job_name(job));
                let value = self.value(&what, expression)?;
                let wrong = |(message, hint): (String, String)| StartError {
                    place: expression.place().cloned(),
                    message: format!("{what} {message}"),
                    hint,
                };
                let written = matrix(&value).map_err(wrong)?;
                let named = checked(written, self.facts.system).map_err(wrong)?;
                Ok(legs(named, &of))
            }
        }
    }

    /// How many legs run at once; 0 is all.
    pub(super) fn max_parallel(
        &mut self,
        job: &Job,
        planned: Option<&Count>,
    ) -> Result<u32, StartError> {
        match planned {
            None => Ok(0),
            Some(Count::Fixed(number)) => Ok(*number),
            Some(Count::Expression(expression)) => {
                let what = format!("`maxParallel` of {}", job_name(job));
                self.number(&what, expression, 0)
            }
        }
    }

    /// The container of a job.
    pub(super) fn container(&mut self, job: &Job) -> Result<Option<Container>, StartError> {
        let what = format!("the container of {}", job_name(job));
        match &job.container {
            Some(Container::Expression(expression)) => self.image(&what, expression),
            planned => Ok(planned.clone()),
        }
    }

    /// Containers beside a job. One that turns out to be none is left out.
    pub(super) fn services(&mut self, job: &Job) -> Result<Vec<Service>, StartError> {
        let mut services = Vec::new();
        for service in &job.services {
            let container = match &service.container {
                Container::Expression(expression) => {
                    let name = quotable(&service.name);
                    let what = format!("the service {name} of {}", job_name(job));
                    self.image(&what, expression)?
                }
                planned => Some(planned.clone()),
            };
            services.extend(container.map(|container| Service {
                name: service.name.clone(),
                container,
            }));
        }
        Ok(services)
    }

    /// What a name stands for: a declared container, or else an image; nothing when it is empty.
    fn image(&mut self, what: &str, expression: &Runtime) -> Result<Option<Container>, StartError> {
        let value = self.value(what, expression)?;
        let Some(text) = value.to_text() else {
            return Err(StartError {
                place: expression.place().cloned(),
                message: format!("{what} is no text, but of the kind {}", value.kind()),
                hint: "give the name of a container below `resources`, or of an image".to_owned(),
            });
        };
        let name = text.trim();
        if name.is_empty() {
            return Ok(None);
        }
        let mut declared = self.facts.plan.resources.iter();
        let declared = declared
            .find(|known| known.kind == "container" && words::same(&known.alias, name))
            .and_then(|known| {
                let image = known.definition.get("image")?.as_str()?;
                let mut options = known.definition.clone();
                options.shift_remove("image");
                Some((image.to_owned(), options))
            });
        let (image, options) = declared.unwrap_or_else(|| (name.to_owned(), Map::new()));
        Ok(Some(Container::Image { image, options }))
    }

    /// A whole number up to the most legs there may be; what is not there is 0.
    fn number(&mut self, what: &str, expression: &Runtime, least: u32) -> Result<u32, StartError> {
        let value = self.value(what, expression)?;
        let most = MAX_LEGS as f64;
        let number = value
            .to_number()
            .filter(|number| number.fract() == 0.0 && (f64::from(least)..=most).contains(number));
        let number = number.ok_or_else(|| StartError {
            place: expression.place().cloned(),
            message: format!("{what} must be a whole number from {least} to {MAX_LEGS}"),
            hint: "look at the value that the expression names".to_owned(),
        })?;
        Ok(number as u32)
    }

    /// A value that is shown to people. All counters have their numbers, or it would not have come to this.
    fn value(&mut self, what: &str, expression: &Runtime) -> Result<Value, StartError> {
        let found =
            self.evaluation
                .evaluate(&self.known, what, Time::Start, expression, self.budget)?;
        let (value, secret) = found.unwrap_or_default();
        if secret {
            return Err(StartError {
                place: expression.place().cloned(),
                message: format!("{what} comes from a secret"),
                hint: "what there is of a job is shown to people: make it of something else"
                    .to_owned(),
            });
        }
        Ok(value)
    }
}

/// A leg as it is written: its name, its variables.
type Written = (String, Vec<(String, String)>);
/// What is wrong, and what to do.
type Fault = (String, String);

fn matrix(value: &Value) -> Result<Vec<Written>, Fault> {
    let fault = |message: String| (message, EXAMPLE.to_owned());
    let count = |number: usize| {
        if (1..=MAX_LEGS).contains(&number) {
            return Ok(());
        }
        Err(fault(format!(
            "has 1 to {MAX_LEGS} legs, and here are {number}"
        )))
    };
    match value {
        Value::Object(legs) => {
            count(legs.len())?;
            legs.iter()
                .map(|(name, leg)| {
                    let variables = match leg {
                        Value::Object(variables) => variables
                            .iter()
                            .map(|(key, value)| {
                                Some((key.to_owned(), value.to_text()?.into_owned()))
                            })
                            .collect(),
                        leg => leg.is_nothing().then(Vec::new),
                    };
                    let variables = variables.ok_or_else(|| {
                        fault(format!(
                            "has a leg that is no mapping of texts: {}",
                            quotable(name)
                        ))
                    })?;
                    Ok((name.to_owned(), variables))
                })
                .collect()
        }
        Value::Text(text) if text.trim().is_empty() => Err(empty()),
        Value::Null => Err(empty()),
        Value::Text(text) if text.len() > MAX_TEXT => {
            Err(fault(format!("is longer than {MAX_TEXT} bytes")))
        }
        Value::Text(text) => {
            let Pairs(legs) =
                serde_json::from_str::<Pairs<Option<Pairs<Scalar>>>>(text).map_err(|wrong| {
                    fault(format!("cannot be read: {}", quotable(&wrong.to_string())))
                })?;
            count(legs.len())?;
            let texts = |Pairs(pairs): Pairs<Scalar>| {
                let texts = pairs.into_iter().map(|(name, Scalar(text))| (name, text));
                texts.collect()
            };
            let leg = |(name, leg): (String, Option<_>)| (name, leg.map(texts).unwrap_or_default());
            Ok(legs.into_iter().map(leg).collect())
        }
        _ => Err(fault(format!("is of the kind {}", value.kind()))),
    }
}

fn empty() -> Fault {
    (
        "is empty".to_owned(),
        "does the job that it comes from exist in `dependsOn`, and did its step set the output?"
            .to_owned(),
    )
}

/// What the YAML is held to as well.
fn checked(
    written: Vec<Written>,
    system: &[(String, String)],
) -> Result<Vec<(String, Vec<Variable>)>, Fault> {
    let mut seen = BTreeSet::new();
    let mut named = Vec::with_capacity(written.len());
    for (name, variables) in written {
        if !is_leg(&name) {
            let message = format!("has a leg that may not be called `{}`", quotable(&name));
            return Err((message, LEG_HINT.to_owned()));
        }
        if !seen.insert(words::fold(&name)) {
            return Err((
                format!("has two legs called `{name}`"),
                "give one another name; names ignore case".to_owned(),
            ));
        }
        if variables.len() > MAX_VARIABLES {
            return Err((
                format!("has a leg with more than {MAX_VARIABLES} variables: {name}"),
                "put values that belong together into a file".to_owned(),
            ));
        }
        let mut own: Vec<Variable> = Vec::with_capacity(variables.len());
        let mut places = std::collections::BTreeMap::new();
        for (variable, value) in variables {
            if let Some((message, hint)) = fault_of_name(&variable, system) {
                return Err((format!("has a fault in the leg {name}: {message}"), hint));
            }
            if value.contains('\0') {
                return Err((
                    format!("has a null character in the leg {name}"),
                    "no variable holds one: take it out where the value is made".to_owned(),
                ));
            }
            let new = plain(&variable, value);
            match places.entry(words::fold(&variable)) {
                std::collections::btree_map::Entry::Occupied(at) => {
                    let at: &usize = at.get();
                    own[*at] = new;
                }
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(own.len());
                    own.push(new);
                }
            }
        }
        named.push((name, own));
    }
    Ok(named)
}

/// A JSON object with all of its keys, in order, and no more of them than are read of anything here.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Keys<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() > MAX_VARIABLES {
                        return Err(de::Error::custom("a mapping has too many keys"));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Keys(std::marker::PhantomData))
    }
}

/// A text, or what becomes one as in expressions.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a boolean")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(of(&value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(of(&value.into()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
                Ok(of(&Value::Null))
            }
        }
        deserializer.deserialize_any(One)
    }
}

fn of(value: &Value) -> Scalar {
    Scalar(value.to_text().unwrap_or_default().into_owned())
}
