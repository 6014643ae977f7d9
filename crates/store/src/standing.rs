//! What a caller may do at a place, loaded once and asked often: for pages that show a button or do not, and for messages.
//!
//! [`decide`] answers, as at the gate. It writes nothing, and grants nothing: whoever goes on asks the gate.

use crate::access_below::{array, bits_below, keys};
use crate::error::{Stop, StoreError};
use crate::gate::{self, Seen};
use crate::sql::statements;
use crate::unit::ReadTx;
use coffer_model::access::{LIBRARY, Scope, file_token, library_token};
use coffer_model::act::{Act, Requirement};
use coffer_model::policy::{Denied, Facts, decide};
use coffer_model::{Caller, FileId, ProjectId};
use std::collections::BTreeSet;

macro_rules! of_project {
    ($engine:ident) => {
        concat!(
            "select f.access_token from ",
            keys!("$2", $engine),
            " cross join secure_file f where f.access_token = k.key and f.project_id = $1"
        )
    };
}

statements! {
    FILES = of_project!(sqlite), postgres: of_project!(postgres);
}

/// What is known of a caller at one place.
#[derive(Clone, Debug)]
pub struct Standing {
    caller: Caller,
    scope: Scope,
    facts: Facts,
}

impl Standing {
    /// Of somebody who is active, at a place that is there.
    pub(crate) fn known(caller: &Caller, scope: Scope, bits: i64) -> Self {
        let facts = Facts {
            exists: true,
            bits,
            active: true,
            ..Facts::default()
        };
        Self {
            caller: caller.clone(),
            scope,
            facts,
        }
    }

    /// Whose standing it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the caller may do something here, if need be after signing in again. Never about any other place.
    pub fn may(&self, act: &impl Act) -> bool {
        let fresh = Facts {
            fresh: true,
            ..self.facts.clone()
        };
        self.decides(act, &fresh).is_ok()
    }

    /// Asks whether the caller may look at something here, as [`ReadTx::look`] does.
    pub fn look<A: Act>(&self, act: A) -> Result<Seen<A>, Stop> {
        match self.decides(&act, &self.facts) {
            Ok(()) => Ok(Seen(act)),
            Err(reason) => Err(Stop::Denied {
                reason,
                event: None,
            }),
        }
    }

    fn decides(&self, act: &impl Act, facts: &Facts) -> Result<(), Denied> {
        let demand = act.demand();
        match demand.requirement {
            Requirement::Right { scope, .. } if scope == self.scope => {
                decide(&self.caller, &demand, facts)
            }
            _ => Err(Denied::NotFound),
        }
    }
}

impl ReadTx {
    /// What the caller may do at a place.
    pub async fn standing(
        &mut self,
        caller: &Caller,
        scope: Scope,
    ) -> Result<Standing, StoreError> {
        let requirement = Requirement::Right {
            scope,
            bit: 0,
            view: 0,
        };
        let facts = gate::facts(&mut self.conn, self.now, caller, &requirement).await?;
        Ok(Standing {
            caller: caller.clone(),
            scope,
            facts,
        })
    }

    /// What the caller may do with each of some files, in the order asked and as many statements as for one.
    pub async fn files_standing(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        files: &[FileId],
    ) -> Result<Vec<Standing>, StoreError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let above = self.standing(caller, Scope::Library(project)).await?;
        let tokens: Vec<String> = files
            .iter()
            .map(|file| file_token(project, *file))
            .collect();
        let values = vec![project.0.into(), array(tokens.iter().cloned())];
        let there: Vec<(String,)> = self.conn.all(&FILES, values).await?;
        let there: BTreeSet<String> = there.into_iter().map(|(token,)| token).collect();
        let library = library_token(project);
        let bits = bits_below(&mut self.conn, caller.identity, LIBRARY, &library, &tokens).await?;
        Ok(files
            .iter()
            .zip(&tokens)
            .map(|(file, token)| Standing {
                scope: Scope::File(project, *file),
                facts: Facts {
                    exists: there.contains(token),
                    bits: bits.get(token).copied().unwrap_or_default(),
                    ..above.facts.clone()
                },
                caller: above.caller.clone(),
            })
            .collect())
    }
}
