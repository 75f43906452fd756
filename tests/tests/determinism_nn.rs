//! Networks give the same bytes whatever the number of threads.

use anyhow::{Result, ensure};
use rl4seg_core::component::{ImitationStep, Policy, PolicyUpdate, RewardBatch, RewardModel, UpdateRule};
use rl4seg_core::domain::{ImageBatch, LabelBatch, Rollout, Seed};
use rl4seg_core::nn::{NetworkPolicy, NetworkReward, NetworkSettings, device};

/// Large enough that burn splits matrix products, convolutions and pooling between threads.
const SIDE: usize = 80;
const BATCH: usize = 3;
const SETTINGS: NetworkSettings = NetworkSettings::new(16, 1, 3);

fn images() -> ImageBatch {
    let values = (0..BATCH * SIDE * SIDE).map(|index| ((index * 2_654_435_761) % 1009) as f32 / 1009.0).collect();
    ImageBatch { batch: BATCH, channels: 1, shape: [1, SIDE, SIDE], values }
}

fn labels() -> LabelBatch {
    let labels = (0..BATCH * SIDE * SIDE).map(|index| (index / 11 % 3) as u8).collect();
    LabelBatch { batch: BATCH, shape: [1, SIDE, SIDE], labels }
}

/// Everything that a policy and a reward network do, once; the weights and outputs as bytes.
fn work() -> Result<Vec<Vec<u8>>> {
    let device = device("cpu")?;
    let (images, labels) = (images(), labels());
    let mut policy = NetworkPolicy::new(&SETTINGS, Seed(1), &device)?;
    policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-3, label_smoothing: 0.1 })?;
    policy.freeze_reference()?;
    policy.shrink_and_perturb(0.5, 0.01, Seed(2))?;
    let mut reward = NetworkReward::new(&SETTINGS, Seed(3), &device)?;
    let correctness = labels.labels.iter().map(|label| f32::from(*label == 1)).collect();
    reward.fit_step(&RewardBatch { images: images.clone(), labels: labels.clone(), correctness }, 1e-3)?;

    let actions = policy.act(&images, &[None; BATCH], Seed(4))?;
    let logits = reward.logits(&images, &actions.labels)?;
    let rewards: Vec<f32> = logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
    let drawn = actions.labels.labels.clone();
    let rollout = Rollout { images, actions, rewards, is_pseudo_reference: vec![false, true, false] };
    policy.update(
        &rollout,
        &PolicyUpdate {
            rule: UpdateRule::Ppo,
            update_epochs: 2,
            clip_range: 0.2,
            entropy_coef: 0.1,
            divergence_coef: 0.05,
            actor_learning_rate: 1e-3,
            critic_learning_rate: 1e-3,
            max_grad_norm: 0.5,
        },
    )?;
    let noisy = policy.segment_perturbed(&rollout.images, 0.05, Seed(5))?.labels;
    let logits = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
    let state = policy.state()?;
    Ok(vec![drawn, noisy, logits, reward.state()?, state.actor, state.critic.unwrap_or_default()])
}

fn work_on(threads: usize) -> Result<Vec<Vec<u8>>> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(work)
}

#[test]
fn one_thread_and_several_give_the_same_bytes() -> Result<()> {
    for (index, (one, several)) in work_on(1)?.iter().zip(work_on(3)?).enumerate() {
        ensure!(*one == several, "output {index} differs between one thread and three");
    }
    Ok(())
}
