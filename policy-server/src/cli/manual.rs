//! `policy-server completions` and `policy-server man`: what shells and `man` need, made from the command line itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;

/// Arguments of `completions`.
#[derive(Args)]
pub struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Args)]
pub struct ManArgs {
    /// The folder to write the pages to; it is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints a completion script for `command`.
pub fn completions(args: &CompletionArgs, mut command: Command) -> ExitCode {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    // A reader that left is no failure of ours.
    let _ = io::Write::write_all(&mut io::stdout(), &script);
    ExitCode::SUCCESS
}

/// Writes a page for `command` and each command below it.
///
/// # Errors
/// What the disk said.
pub fn man(args: &ManArgs, command: Command) -> Result<ExitCode, Failure> {
    let failed =
        |error: io::Error| Failure::refused("file-unwritable").with("path", args.folder.display()).with("error", error);
    fs::create_dir_all(&args.folder).map_err(failed)?;
    pages(&args.folder, &command.disable_help_subcommand(true), "").map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn pages(folder: &Path, command: &Command, above: &str) -> io::Result<()> {
    let name = if above.is_empty() { command.get_name().to_owned() } else { format!("{above}-{}", command.get_name()) };
    let page = clap_mangen::Man::new(command.clone()).title(name.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)?;
    command.get_subcommands().filter(|one| !one.is_hide_set()).try_for_each(|one| pages(folder, one, &name))
}
