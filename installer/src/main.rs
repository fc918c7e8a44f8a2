//! `installer`: prepares a machine, starts the demo's collaboration system, plays the story.

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use installer::{
    apply::Surroundings,
    demo::{self, Ending, Places, Report},
    harness::{
        display::Display,
        process::exit_code,
        world::{self, World},
    },
    plan::Goal,
    stack::{self, npm::cache},
};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, and show the product's whole story.
    Demo(DemoArgs),
    /// Install what is missing for the demo or the tests.
    Prepare {
        /// What for.
        #[arg(long = "for")]
        goal: For,
    },
    /// Start only the collaboration system and print how to reach it as JSON; ends when standard input closes.
    Stack {
        /// Folder for everything that the system writes.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Run a command where the given names lead to this machine; nothing that it starts survives it.
    World(WorldArgs),
    /// First process of a world (used by this program itself).
    #[command(name = world::INIT, hide = true)]
    Init(InitArgs),
    /// The story inside its world (used by this program itself).
    #[command(name = demo::STORY, hide = true)]
    Story(StoryArgs),
}

#[derive(Args)]
struct DemoArgs {
    /// Play the whole story on a virtual display, even if there is a real one.
    #[arg(long)]
    headless: bool,
    /// Folder for report and screenshots [default: target/demo in the checkout].
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    /// installer/demo
    Demo,
    /// tests/run
    Tests,
}

#[derive(Args)]
struct WorldArgs {
    /// Name that leads to this machine.
    #[arg(long = "host")]
    hosts: Vec<String>,
    /// Give it an empty `/tmp` of its own.
    #[arg(long)]
    private_tmp: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

#[derive(Args)]
struct InitArgs {
    #[arg(long)]
    hosts: PathBuf,
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    private_tmp: bool,
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

#[derive(Args)]
struct StoryArgs {
    #[arg(long)]
    base: PathBuf,
    #[arg(long)]
    programs: PathBuf,
    #[arg(long)]
    package: PathBuf,
    #[arg(long)]
    for_a_person: bool,
}

/// What ends a command early.
type Wrong = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("installer: {}", demo::in_one_line(error.as_ref()));
            ExitCode::from(1)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Wrong> {
    match command {
        Command::Demo(args) => run_demo(args),
        Command::Prepare { goal } => prepare(goal),
        Command::Stack { dir } => run_stack(&dir),
        Command::World(args) => run_world(&args),
        Command::Init(args) => {
            let InitArgs { hosts, user, private_tmp, program } = args;
            Ok(world::init(&world::Orders { hosts, user, private_tmp, program })?.into())
        }
        Command::Story(args) => Ok(run_story(args)),
    }
}

fn run_demo(args: DemoArgs) -> Result<ExitCode, Wrong> {
    let at = surroundings()?;
    let desktop = env::var_os("DISPLAY").is_some_and(|name| !name.is_empty());
    let out = args.out.unwrap_or_else(|| at.source.join("target/demo"));
    let wish = demo::Wish { headless: args.headless || !desktop, out, at };
    let ending = demo::run(&wish)?;
    eprintln!("report and screenshots: {}", wish.out.display());
    Ok(match ending {
        Ending::Held => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::from(1),
        Ending::Interrupted => ExitCode::from(130),
    })
}

fn prepare(goal: For) -> Result<ExitCode, Wrong> {
    let goal = match goal {
        For::Demo => Goal::Demo,
        For::Tests => Goal::Tests,
    };
    let held = demo::prepare(goal, &surroundings()?, &mut Report::unkept())?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn run_stack(dir: &Path) -> Result<ExitCode, Wrong> {
    let package = stack::fetch(&cache())?;
    let user = world::unprivileged()?;
    let stack = stack::Stack::start(dir, &package, user.as_ref())?;
    println!("{}", serde_json::to_string(stack.facts())?);
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

fn run_world(args: &WorldArgs) -> Result<ExitCode, Wrong> {
    let user = world::unprivileged()?;
    let hosts = tempfile::Builder::new().prefix("secure-workspace-hosts-").tempfile()?;
    let names: Vec<&str> = args.hosts.iter().map(String::as_str).collect();
    world::write_hosts(hosts.path(), &names)?;
    let installer = env::current_exe()?;
    let world =
        World { installer: &installer, hosts: hosts.path(), user: user.as_ref(), private_tmp: args.private_tmp };
    let status = world.command(&args.program).status()?;
    Ok(ExitCode::from(u8::try_from(exit_code(status)).unwrap_or(u8::MAX)))
}

fn run_story(args: StoryArgs) -> ExitCode {
    let StoryArgs { base, programs, package, for_a_person } = args;
    let places = Places { base, programs, package };
    let mut report = Report::new(&places.out().join("report.json"));
    let held = if for_a_person {
        let name = env::var("DISPLAY").unwrap_or_default();
        let display = Display::of_the_desktop(&name, env::var_os("XAUTHORITY").map(PathBuf::from));
        demo::hand_over(&places, &display, &mut report)
    } else {
        demo::play(&places, &mut report)
    };
    // What went wrong is in the report already.
    if held.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Where things are, as `installer/demo` and `tests/run` say it.
fn surroundings() -> Result<Surroundings, Wrong> {
    let source = match env::var_os("SECURE_WORKSPACE_SOURCE") {
        Some(source) => PathBuf::from(source),
        None => env::current_dir()?,
    };
    if !source.join("installer/packaging/install-debian").is_file() {
        return Err(format!("{} is not the checkout; please start installer/demo", source.display()).into());
    }
    let cache = cache();
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
    Ok(Surroundings { source, target, cache })
}
