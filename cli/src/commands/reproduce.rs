use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rl4seg_core::{
    config::Override,
    run_dir::{self, Difference, Step, layout},
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    networks::DeviceArg,
    output,
    session::{self, Session},
};

/// Run a run again and tell whether the same bytes come out
///
/// Takes the configuration, the seed and the device of RUN, goes through the steps that RUN has finished, and compares every file.
/// It must be the same version with the same plugins and data. On a CPU every byte is the same, with any number of threads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg reproduce run --out again")]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// The directory of the second run; if it is there already, it goes on
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    device: DeviceArg,
}

#[derive(Debug, Serialize)]
struct Reproduction {
    run: PathBuf,
    again: PathBuf,
    steps: Vec<String>,
    differences: Vec<Difference>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let root = &args.run;
    let manifest = run_dir::read_manifest(root)?;
    let version = env!("CARGO_PKG_VERSION");
    ensure!(
        manifest.version == version,
        "{} was begun with rl4seg {}, and this is {version}: reproduce it with that version",
        root.display(),
        manifest.version
    );
    let plan = session::plan_of_run(root)?;
    session::require_data(root, &plan)?;
    let steps: Vec<Step> = Step::all(plan.iterations).take_while(|step| run_dir::is_done(root, step)).collect();
    ensure!(!steps.is_empty(), "{}: no step is finished, so there is nothing to reproduce", root.display());
    let catalog = catalog::load(global)?;
    session::require_same_plugins(root, &manifest, &catalog::records(&catalog, &plan)?)?;
    let device = args.device.of_run(root, &manifest.device)?;
    let output = std::path::absolute(&args.out).with_context(|| args.out.display().to_string())?;
    ensure!(
        !is_within(&output, root)?,
        "--out {} is the run itself or lies in it; name a folder outside of {} for the second run",
        output.display(),
        root.display()
    );
    let mut overrides = session::moved(root)?;
    overrides.push(Override::text("output", &output.to_string_lossy()));
    let mut again = Session::open(&root.join(layout::CONFIG), &overrides, &catalog, &device)?;
    again.expect_cases_of(root)?;
    again.finish_steps(&steps, global.shown())?;
    let result = compare(root, &args.out, &steps)?;
    output::result(global.json, &result, || text(&result))?;
    let differing = result.differences.len();
    ensure!(
        differing == 0,
        "{} is not reproduced: {differing} files differ. On a GPU the last digits depend on the order of additions; on a CPU, another \
         processor or another version of a plugin's data can be why",
        root.display()
    );
    Ok(())
}

/// Whether `folder`, which need not be there yet, is `root` or lies in it.
fn is_within(folder: &Path, root: &Path) -> anyhow::Result<bool> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    Ok(there.canonicalize()?.starts_with(root.canonicalize()?))
}

fn compare(root: &Path, again: &Path, steps: &[Step]) -> anyhow::Result<Reproduction> {
    let mut differences = Vec::new();
    for step in steps {
        differences.extend(run_dir::compare(root, again, step)?);
    }
    let steps = steps.iter().map(ToString::to_string).collect();
    Ok(Reproduction { run: root.to_owned(), again: again.to_owned(), steps, differences })
}

fn text(result: &Reproduction) -> String {
    let mut text: String = result.differences.iter().map(|difference| format!("{difference}\n")).collect();
    if result.differences.is_empty() {
        text.push_str(&format!("the same bytes in all {} steps\n", result.steps.len()));
    }
    text
}
