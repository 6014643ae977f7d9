//! The command line's grammar: nouns, then verbs. What the commands do is in [`crate::commands`].

use crate::commands::{
    agent::AgentArgs,
    anchor::AnchorCommand,
    audit::AuditCommand,
    backup::BackupArgs,
    config::ConfigCommand,
    doctor::DoctorArgs,
    file::FileCommand,
    freeze::{FreezeCommand, UnfreezeCommand},
    group::GroupCommand,
    key::KeyCommand,
    login::LoginArgs,
    organization::OrganizationCommand,
    permission::PermissionCommand,
    pipeline::PipelineCommand,
    project::ProjectCommand,
    purge_report::PurgeReportArgs,
    role::RoleCommand,
    run::RunCommand,
    token::TokenCommand,
    user::UserCommand,
};
use crate::config::Flag;
use crate::output::Format;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps the signing certificates, keys and profiles that pipelines need, and gives them only to permitted jobs.
#[derive(Parser)]
#[command(
    name = "coffer",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
First steps:
  coffer demo                                 see the whole story on this machine
  coffer serve                                start a server; it says how to sign in
  coffer login http://127.0.0.1:8080 --code CODE
  coffer file upload signing.p12              add a secure file
  coffer pipeline add azure-pipelines.yml     add a pipeline
  coffer run start azure-pipelines --watch    run it; permit what it asks for

Exit codes: 0 done, 1 defect, 2 usage, 3 not found, 4 denied, 5 conflict, 6 invalid, 7 waiting,
8 run failed, 9 unreachable, 10 audit log not intact."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// URL of the server, with or without its organization
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "COFFER_URL",
        hide_env_values = true
    )]
    pub(crate) url: Option<String>,
    /// Project; the only one there is when not given
    #[arg(
        long,
        short,
        global = true,
        value_name = "NAME",
        env = "COFFER_PROJECT",
        hide_env_values = true
    )]
    pub(crate) project: Option<String>,
    /// More certificate authorities to trust, PEM
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "COFFER_CA_FILE",
        hide_env_values = true
    )]
    pub(crate) ca_file: Option<PathBuf>,
    /// Form of the result on standard output
    #[arg(
        long,
        short,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) output: Format,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server
    #[command(after_help = "\
Examples:
  coffer serve
  coffer serve --listen 127.0.0.1:9000 --data /var/lib/coffer --key-file /etc/coffer/root.key
  coffer serve --listen 0.0.0.0:443 --tls-certificate coffer.pem --tls-key coffer.key --public-url https://coffer.example
  coffer serve --listen 0.0.0.0:8080 --behind-proxy --public-url https://coffer.example

docs/configuration.md lists all settings. `coffer config check` takes the same flags and shows what they amount to.")]
    Serve(ServeArgs),
    /// Show the whole story on this machine: upload, wait, permit, use, verify
    #[command(after_help = "\
Examples:
  coffer demo                keep serving until Ctrl-C
  coffer demo --exit         end after the story

It touches nothing outside its own folder.")]
    Demo(DemoArgs),
    /// Run jobs for a server
    Agent(AgentArgs),
    /// Sign in, and remember server and token
    Login(LoginArgs),
    /// Forget server and token
    #[command(after_help = "\
Examples:
  coffer logout

The token stays valid: `coffer token revoke ID` ends it.")]
    Logout,
    /// Show who you are, and where
    #[command(after_help = "\
Examples:
  coffer whoami
  coffer whoami --output json")]
    Whoami,
    /// Secure files: upload, list, show, delete, permit
    #[command(subcommand)]
    File(FileCommand),
    /// Pipelines: add, update, list, show
    #[command(subcommand)]
    Pipeline(PipelineCommand),
    /// Runs of pipelines: start, watch, permit, cancel
    #[command(subcommand)]
    Run(RunCommand),
    /// Which pipelines may use which files: list, permit, revoke, open, restrict
    #[command(subcommand)]
    Permission(PermissionCommand),
    /// Stop the content of a file, of a project, or of everything, at once
    #[command(subcommand)]
    Freeze(FreezeCommand),
    /// Let content flow again
    #[command(subcommand)]
    Unfreeze(UnfreezeCommand),
    /// The audit log: list, verify, export
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The anchor against roll-back: show, accept
    #[command(subcommand)]
    Anchor(AnchorCommand),
    /// Look at data and keys on the server's host, and say what is wrong
    Doctor(DoctorArgs),
    /// List deleted files, and when no copy opens them any more
    PurgeReport(PurgeReportArgs),
    /// Copy the data while the server runs, without the key
    Backup(BackupArgs),
    /// Users of the organization
    #[command(subcommand)]
    User(UserCommand),
    /// Groups of projects and of the organization
    #[command(subcommand)]
    Group(GroupCommand),
    /// Tokens: create, list, revoke
    #[command(subcommand)]
    Token(TokenCommand),
    /// Roles in the library: list, assign, remove, inherit
    #[command(subcommand)]
    Role(RoleCommand),
    /// Projects of the organization
    #[command(subcommand)]
    Project(ProjectCommand),
    /// The organization and its switches
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Root keys and what keeps them: providers, test, passphrase; breaking glass
    #[command(subcommand)]
    Key(KeyCommand),
    /// The server's configuration: check, show
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a completion script for a shell
    #[command(after_help = "\
Examples:
  coffer completion bash > ~/.local/share/bash-completion/completions/coffer
  coffer completion zsh > ~/.zfunc/_coffer")]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print docs/cli.md
    #[command(hide = true)]
    DocsCli,
    /// Print docs/configuration.md
    #[command(hide = true)]
    DocsConfig,
}

/// Flags of `serve`, and of `config check` and `config show`. Each sets a key of the configuration.
#[derive(Args, Clone, Default)]
pub(crate) struct ServeArgs {
    /// Configuration file [default: coffer.toml in this folder, if there is one]
    #[arg(
        long,
        value_name = "FILE",
        env = "COFFER_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Data folder [default: ./coffer-data]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<String>,
    /// Root key file, outside the data folder [default: coffer/root.key in your configuration folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<String>,
    /// SQLite file, or URL of a PostgreSQL database without password [default: coffer.db in the data folder]
    #[arg(long, value_name = "PATH|URL", conflicts_with = "database_file")]
    pub(crate) database: Option<String>,
    /// File that holds the database URL with its password
    #[arg(long, value_name = "FILE")]
    pub(crate) database_file: Option<String>,
    /// URL by which clients reach the server, without the organization
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Serve TLS with this certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<String>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// Addresses and ranges of proxies whose X-Forwarded-* headers count, with commas between
    #[arg(long, value_name = "LIST")]
    pub(crate) trusted_proxies: Option<String>,
    /// A proxy on this machine or a private address terminates TLS
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Refuse requests whose api-version Azure DevOps would refuse
    #[arg(long)]
    pub(crate) strict_api_version: bool,
    /// Form of the log: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Least important log lines: error, warn, info, debug, trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

impl ServeArgs {
    /// The flags that were given, by the key that each sets.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let switch = |on: bool| on.then(|| "true".to_owned());
        let behind_proxy = switch(self.behind_proxy);
        let strict = switch(self.strict_api_version);
        [
            ("server.listen", "--listen", &self.listen),
            ("storage.data", "--data", &self.data),
            ("keys.key_file", "--key-file", &self.key_file),
            ("storage.database", "--database", &self.database),
            (
                "storage.database_file",
                "--database-file",
                &self.database_file,
            ),
            ("server.public_url", "--public-url", &self.public_url),
            (
                "server.tls_certificate",
                "--tls-certificate",
                &self.tls_certificate,
            ),
            ("server.tls_key", "--tls-key", &self.tls_key),
            (
                "server.trusted_proxies",
                "--trusted-proxies",
                &self.trusted_proxies,
            ),
            ("server.behind_proxy", "--behind-proxy", &behind_proxy),
            ("server.strict_api_version", "--strict-api-version", &strict),
            ("log.format", "--log-format", &self.log_format),
            ("log.level", "--log-level", &self.log_level),
        ]
        .into_iter()
        .filter_map(|(key, flag, value)| value.clone().map(|value| Flag { key, value, flag }))
        .collect()
    }
}

/// Flags of `demo`.
#[derive(Args, Clone, Default)]
pub(crate) struct DemoArgs {
    /// End after the story instead of serving on
    #[arg(long)]
    pub(crate) exit: bool,
    /// Folder for everything [default: a fresh temporary one]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{self, Kind};
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_that_the_table_of_keys_names_exists_and_sets_that_key() {
        for key in keys::all() {
            let Some(flag) = key.flag else { continue };
            let mut line = vec!["coffer", "serve", flag];
            // What is true or false is a switch.
            if !matches!(key.kind, Kind::Boolean) {
                line.push("x");
            }
            let Command::Serve(args) = Cli::try_parse_from(line).unwrap().command else {
                panic!("not serve");
            };
            let flags = args.flags();
            assert_eq!((flags[0].key, flags[0].flag), (key.name, flag));
        }
    }

    #[test]
    fn every_command_gives_examples() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    check(sub, &path);
                    continue;
                }
                let after = sub.get_after_help().map(ToString::to_string);
                let after = after.unwrap_or_default();
                assert!(
                    after.contains(&format!("  {path}")),
                    "{path} has no example"
                );
            }
        }
        check(&Cli::command(), "coffer");
    }
}
