pub mod measures;
pub mod pictures;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use rl4seg_core::{adapt, io::write_atomically};

use crate::{
    args::GlobalArgs,
    catalog,
    networks::DeviceArg,
    output::{self, number, table},
    session,
};
use measures::{Agreement, Case, Measures};

/// Tell how far a run's uncertainty can be believed, and which cases to look at first
///
/// Segments the target's test cases with the latest policy, asks the latest reward network how sure it is, and
/// ranks them. Where they have experts' label maps it compares with those: calibration errors (20 bins, voxels where result or reference is not
/// background), how well errors are found, how uncertainty goes with Dice. With --out also writes
/// uncertainty.json, cases.csv and three pictures.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg uncertainty run --out review")]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// A folder for measures, the ranking of cases and pictures
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

/// What is written into the folder.
const MEASURES: &str = "uncertainty.json";
const CASES: &str = "cases.csv";

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    args.out.as_deref().map_or(Ok(()), require_own)?;
    let catalog = catalog::load(global)?;
    let reviewed = session::review(&args.run, &catalog, &args.device, global.shown())?;
    let (iteration, _) = adapt::latest_policy(&args.run)?;
    let measures = Measures::of(args.run.clone(), iteration, &reviewed);
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let json = serde_json::to_vec_pretty(&measures).context("writing JSON")?;
        write_atomically(&folder.join(MEASURES), &json)?;
        write_atomically(&folder.join(CASES), &csv(&measures.cases)?)?;
        if let Some(agreement) = &measures.agreement {
            for picture in pictures::draw(agreement, &measures.cases)? {
                write_atomically(&folder.join(picture.name), picture.svg.as_bytes())?;
            }
        }
    }
    output::result(global.json, &measures, || text(&measures))
}

/// Refuses a folder whose table of cases is another, as that of a data set or of a run.
fn require_own(folder: &Path) -> anyhow::Result<()> {
    let table = folder.join(CASES);
    ensure!(
        !table.exists() || folder.join(MEASURES).is_file(),
        "{} is there already, and did not come from `rl4seg uncertainty`, which would replace it; name another folder with --out",
        table.display()
    );
    Ok(())
}

fn csv(cases: &[Case]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for case in cases {
        writer.serialize(case).context("writing the ranking of cases")?;
    }
    writer.into_inner().context("writing the ranking of cases")
}

/// Cases of the ranking that are shown.
const SHOWN: usize = 10;

fn text(measures: &Measures) -> String {
    let mut text = match (&measures.agreement, &measures.not_measured) {
        (Some(agreement), _) => agreement_text(measures.iteration, agreement),
        (None, why) => format!("iteration {}: {}\n", measures.iteration, why.as_deref().unwrap_or("not measured")),
    };
    text.push_str("\nto be looked at first:\n\n");
    let rows = measures.cases.iter().take(SHOWN).map(|case| {
        vec![
            case.case.to_string(),
            format!("{:?}", case.verdict).to_lowercase(),
            number(case.foreground_uncertainty, 3),
            number(case.dice, 3),
            if case.influential { "influential".to_owned() } else { String::new() },
        ]
    });
    text.push_str(&table(&["case", "verdict", "uncertainty", "Dice", ""], rows));
    text
}

fn agreement_text(iteration: usize, agreement: &Agreement) -> String {
    let rows = [
        ("voxels looked at", agreement.voxels.to_string()),
        ("share of them that is right", number(Some(agreement.accuracy), 3)),
        ("expected calibration error", number(Some(agreement.ece), 3)),
        ("adaptive calibration error", number(Some(agreement.ace), 3)),
        ("largest calibration error of a bin", number(Some(agreement.mce), 3)),
        ("area under the ROC curve, errors", number(Some(agreement.error_auroc), 3)),
        ("normalised mutual information", number(agreement.normalized_mutual_information, 3)),
        ("correlation with Dice", number(agreement.dice_correlation, 2)),
        ("the same for each segmented voxel", number(agreement.dice_correlation_of_foreground, 2)),
    ];
    let first = format!("iteration {iteration}");
    table(&[&first, ""], rows.map(|(name, value)| vec![name.to_owned(), value]))
}
