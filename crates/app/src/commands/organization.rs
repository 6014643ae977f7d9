//! `coffer organization`.

use crate::context::Context;
use crate::error::{CommandError, Result};
use crate::output::Table;
use clap::{Args, Subcommand, ValueEnum};
use coffer_wire::coffer::{Organization, OrganizationChange};
use coffer_wire::enums::ProjectCreators;

/// Verbs of `organization`.
#[derive(Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Show the organization and its switches
    #[command(
        after_help = "Examples:\n  coffer organization show\n  coffer organization show --output json"
    )]
    Show,
    /// Change switches of the organization
    #[command(after_help = "\
Examples:
  coffer organization set --open-access off
  coffer organization set --password-sign-in off --max-token-days 90
  coffer organization set --project-creators everybody

A shorter life of tokens counts for new tokens; those that exist keep theirs.")]
    Set(Switches),
}

/// Switches to change; the others stay.
#[derive(Args)]
pub(crate) struct Switches {
    /// Whether a secure file may be open to all pipelines of its project
    #[arg(long, value_name = "ON|OFF")]
    open_access: Option<Switch>,
    /// Whether people may sign in with a password kept here
    #[arg(long, value_name = "ON|OFF")]
    password_sign_in: Option<Switch>,
    /// Who may create projects
    #[arg(long, value_name = "WHO")]
    project_creators: Option<Creators>,
    /// The longest life of a new token, days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    max_token_days: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Creators {
    /// Those who administer the organization
    Administrators,
    /// Every person of the organization
    Everybody,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: OrganizationCommand) -> Result {
    let client = context.client()?;
    let found = match command {
        OrganizationCommand::Show => client.coffer().organization().await?,
        OrganizationCommand::Set(switches) => {
            let change = change(&switches)?;
            client.coffer().change_organization(&change).await?
        }
    };
    context.out.show(&found, table)
}

fn change(switches: &Switches) -> Result<OrganizationChange> {
    let on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
    let change = OrganizationChange {
        open_access_allowed: on(switches.open_access),
        password_sign_in_allowed: on(switches.password_sign_in),
        project_creators: switches.project_creators.map(|who| match who {
            Creators::Administrators => ProjectCreators::Administrators,
            Creators::Everybody => ProjectCreators::Everybody,
        }),
        max_token_days: switches.max_token_days,
    };
    if change == OrganizationChange::default() {
        return Err(CommandError::usage("nothing to change")
            .hint("`coffer organization set --help` lists the switches"));
    }
    Ok(change)
}

fn table(organization: &Organization) -> Table {
    let on = |switch: bool| if switch { "on" } else { "off" };
    let mut table = Table::facts();
    table.fact("Name", organization.name.as_str());
    table.fact("Id", organization.id.to_string());
    table.fact("Open access", on(organization.open_access_allowed));
    table.fact(
        "Password sign-in",
        on(organization.password_sign_in_allowed),
    );
    table.fact("Project creators", organization.project_creators.as_str());
    table.fact(
        "Longest token",
        format!("{} days", organization.max_token_days),
    );
    table
}
