//! The segmenter of a run, and how much of an image it sees at once.

use std::path::Path;

use anyhow::{Context, ensure};
use rl4seg_core::{
    adapt::{self, Portion, Segmented, Segmenter, Validity},
    component::{Policy, RewardModel},
    config::RewardKind,
    domain::{Grid, Image, LabelSet},
    nn,
    run_dir::hexadecimal,
};
use sha2::{Digest, Sha256};

use crate::{
    args::GlobalArgs,
    catalog,
    commands::report::gallery::Names,
    networks::{DeviceArg, Networks},
    session,
};

/// Digits of a fingerprint.
const DIGITS: usize = 16;
/// An image that is read from files has one channel.
const CHANNELS: usize = 1;

/// Flags that say how much of an image the networks see at once.
#[derive(Debug, Clone, clap::Args)]
pub struct PortionArgs {
    /// The most memory that may be taken, in MiB: larger images are seen in smaller tiles, and those that still do not fit are
    /// refused
    #[arg(long, value_name = "MIB", conflicts_with = "tile")]
    memory: Option<u64>,
    /// Voxels along a side of what the networks see at once, a multiple of 64; larger planes are cut into tiles that overlap by
    /// half [default: 2048]
    #[arg(long, value_name = "VOXELS")]
    tile: Option<usize>,
}

/// The networks of a run, and its labels.
pub struct RunSegmenter {
    segmenter: Segmenter,
    /// Whether each plane is segmented by itself, as the U-Net does; a network of a plugin may look at neighbours.
    plane_by_plane: bool,
    memory: Option<u64>,
    tile: Option<usize>,
    /// The first digits of the SHA-256 of the networks' weights and of the calibration.
    pub fingerprint: String,
    pub labels: LabelSet,
    /// The settings of the target's data source, which say how images are read.
    pub settings: toml::Table,
    /// What findings call them.
    pub names: Names,
}

/// How an image will be segmented.
pub struct Extent {
    pub portion: Portion,
    /// Voxels along a side of its tiles; nothing where the networks see whole planes.
    pub tile: Option<usize>,
    /// Bytes that it will take; nothing where they are not known.
    pub bytes: Option<u64>,
}

impl PortionArgs {
    /// The limit in bytes, and the side of tiles, where they are given.
    fn checked(&self) -> anyhow::Result<(Option<u64>, Option<usize>)> {
        if let Some(side) = self.tile {
            let step = Portion::STEP;
            ensure!(
                side > 0 && side.is_multiple_of(step),
                "--tile {side}: expected a multiple of {step} above 0, as {}",
                side.next_multiple_of(step).max(step)
            );
        }
        Ok((self.memory.map(|mib| mib.saturating_mul(1 << 20)), self.tile))
    }
}

impl RunSegmenter {
    /// That of a run's latest iteration.
    pub fn load(run: &Path, device: &DeviceArg, portion: &PortionArgs, global: &GlobalArgs) -> anyhow::Result<Self> {
        let (memory, tile) = portion.checked()?;
        let plan = session::plan_of_run(run)?;
        ensure!(
            plan.reward.model == RewardKind::Network,
            "{}: the rewards of this run were comparisons with experts' label maps (reward.model); nothing tells how \
             uncertain a prediction is. Adapt with reward.model = \"network\"",
            run.display()
        );
        let catalog = catalog::load(global)?;
        let labels = catalog::modality(&catalog, &plan.modality)?.labels.clone();
        let Networks { mut policy, mut reward, .. } = Networks::new(&plan, &catalog, CHANNELS, labels.len(), device)?;
        let (_, state) = adapt::latest_policy(run)?;
        policy.restore(&state).with_context(|| format!("the policy in {}", run.display()))?;
        let (weights, calibration) = adapt::latest_reward(run)?;
        reward.restore(&weights).with_context(|| format!("the reward network in {}", run.display()))?;
        let fingerprint = fingerprint(&[&state.actor, &weights, &calibration.temperature.to_le_bytes()]);
        let segmenter = Segmenter {
            policy: Box::new(policy),
            reward: Box::new(reward),
            calibration,
            preprocess: plan.preprocess.clone(),
            validity: Validity::load(&plan, &catalog)?,
            classes: labels.len(),
        };
        let names = Names::of(&labels, &plan);
        Ok(Self {
            segmenter,
            plane_by_plane: plan.network.component.is_none(),
            memory,
            tile,
            fingerprint,
            labels,
            settings: plan.target.settings.clone(),
            names,
        })
    }

    /// How an image on `grid` will be segmented.
    ///
    /// # Errors
    /// If it would take more memory than is allowed.
    pub fn plan(&self, grid: &Grid) -> anyhow::Result<Extent> {
        let portion = match (self.memory, self.tile) {
            (Some(limit), _) => self.segmenter.portion_within(limit, grid, CHANNELS).context("--memory")?,
            (None, Some(side)) => Portion::Tiles { side },
            (None, None) if self.plane_by_plane => Portion::Tiles { side: Portion::SIDE },
            (None, None) => Portion::Volume,
        };
        let tile = self.segmenter.tile(grid, portion)?;
        Ok(Extent { portion, tile, bytes: self.segmenter.memory(grid, CHANNELS, portion)? })
    }

    /// Segments an image; `name` is what errors say.
    pub fn segment(
        &self,
        name: &str,
        image: &Image,
        portion: Portion,
        progress: &mut dyn FnMut(usize, usize),
    ) -> anyhow::Result<Segmented> {
        // What the last image left may fit this one badly, and would come on top.
        nn::release_memory();
        Ok(self.segmenter.segment((name, image), portion, progress)?)
    }
}

fn fingerprint(parts: &[&[u8]]) -> String {
    let mut sum = Sha256::new();
    parts.iter().for_each(|part| sum.update(part));
    hexadecimal(&sum.finalize())[..DIGITS].to_owned()
}
