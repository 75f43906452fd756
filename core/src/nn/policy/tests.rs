use burn::tensor::Device;

use super::*;
use crate::nn::parameters::{Role, Tensors};
use crate::{
    component::UpdateRule,
    domain::{Grid, Rollout},
};

const SETTINGS: NetworkSettings = NetworkSettings::new(8, 1, 3);

fn policy(seed: u64) -> NetworkPolicy {
    NetworkPolicy::new(&SETTINGS, Seed(seed), &Device::flex()).unwrap()
}

const SIDE: usize = 64;
const BATCH: usize = 2;
const VOXELS: usize = SIDE * SIDE;

/// Images of a bright disc in a grey one, and their label maps.
fn discs() -> (ImageBatch, LabelBatch) {
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for image in 0..BATCH {
        for index in 0..VOXELS {
            let (y, x) = (index / SIDE, index % SIDE);
            let radius = (y as f64 - 24.0 - 5.0 * image as f64).hypot(x as f64 - 32.0);
            let label = if radius < 10.0 { 1 } else { u8::from(radius < 18.0) * 2 };
            labels.push(label);
            values.push([0.1, 0.9, 0.5][usize::from(label)] + 0.02 * (index % 7) as f32);
        }
    }
    let shape = [1, SIDE, SIDE];
    (ImageBatch { batch: BATCH, channels: 1, shape, values }, LabelBatch { batch: BATCH, shape, labels })
}

fn grid() -> Grid {
    Grid::plane([SIDE, SIDE], [1.0, 1.0]).unwrap()
}

fn trained() -> NetworkPolicy {
    let (images, labels) = discs();
    let mut policy = policy(1);
    for _ in 0..30 {
        policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-2, label_smoothing: 0.0 }).unwrap();
    }
    policy
}

fn agreement(left: &LabelBatch, right: &LabelBatch) -> f64 {
    let same = left.labels.iter().zip(&right.labels).filter(|(left, right)| left == right).count();
    same as f64 / left.labels.len() as f64
}

fn update() -> PolicyUpdate {
    PolicyUpdate {
        rule: UpdateRule::Ppo,
        update_epochs: 1,
        clip_range: 0.2,
        entropy_coef: 0.0,
        divergence_coef: 0.1,
        actor_learning_rate: 1e-3,
        critic_learning_rate: 1e-3,
        max_grad_norm: 0.5,
    }
}

fn rollout(policy: &mut NetworkPolicy) -> Rollout {
    let (images, labels) = discs();
    let actions = policy.act(&images, &[None; BATCH], Seed(3)).unwrap();
    let pairs = actions.labels.labels.iter().zip(&labels.labels);
    let rewards = pairs.map(|(taken, right)| f32::from(u8::from(taken == right))).collect();
    Rollout { images, actions, rewards, is_pseudo_reference: vec![false; BATCH] }
}

#[test]
fn imitation_learns_the_labels() {
    let (images, labels) = discs();
    assert!(agreement(&trained().segment(&images).unwrap(), &labels) > 0.9);
}

#[test]
fn the_first_update_of_a_rollout_has_ratio_one() {
    let mut policy = policy(1);
    let rollout = rollout(&mut policy);
    let stats = policy.update(&rollout, &update()).unwrap();
    assert_eq!((stats.clip_fraction, stats.reference_divergence), (0.0, 0.0));
    assert!(stats.approx_kl.abs() < 1e-9, "{stats:?}");
    assert!(stats.grad_norm > 0.0, "{stats:?}");
}

#[test]
fn a_reward_for_right_labels_makes_them_likelier() {
    for rule in [UpdateRule::Ppo, UpdateRule::Reinforce] {
        let mut policy = policy(2);
        let share = |rollout: &Rollout| f64::from(rollout.rewards.iter().sum::<f32>()) / rollout.rewards.len() as f64;
        let before = share(&rollout(&mut policy));
        for _ in 0..12 {
            let rollout = rollout(&mut policy);
            let update =
                PolicyUpdate { rule, update_epochs: 2, actor_learning_rate: 1e-2, entropy_coef: 0.01, ..update() };
            policy.update(&rollout, &update).unwrap();
        }
        let after = share(&rollout(&mut policy));
        assert!(after > before + 0.2, "{rule:?}: {before} to {after}");
    }
}

#[test]
fn acting_changes_nothing_and_a_pseudo_reference_is_taken_as_given() {
    let mut policy = policy(1);
    let before = policy.state().unwrap();
    let (images, _) = discs();
    let given = LabelMap::new(grid(), vec![2; VOXELS]).unwrap();
    let drawn = policy.act(&images, &[None; BATCH], Seed(3)).unwrap();
    let taken = policy.act(&images, &[None, Some(&given)], Seed(3)).unwrap();
    assert_eq!(before, policy.state().unwrap());
    assert_eq!(drawn.labels.labels[..VOXELS], taken.labels.labels[..VOXELS]);
    assert_eq!(drawn.log_probs[..VOXELS], taken.log_probs[..VOXELS]);
    assert_eq!(taken.labels.labels[VOXELS..2 * VOXELS], *given.labels());
    assert!(taken.reference_log_probs.is_none());
    assert!(policy.act(&images, &[None], Seed(3)).is_err());
}

#[test]
fn the_reference_policy_stays_while_the_policy_learns() {
    let (images, labels) = discs();
    let given = labels.unstack(&[grid(); BATCH]).unwrap();
    let given: Vec<_> = given.iter().map(Some).collect();
    let mut policy = policy(1);
    policy.freeze_reference().unwrap();
    let before = policy.act(&images, &given, Seed(3)).unwrap();
    policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-2, label_smoothing: 0.1 }).unwrap();
    let after = policy.act(&images, &given, Seed(3)).unwrap();
    assert_eq!(before.reference_log_probs, after.reference_log_probs);
    assert_ne!(before.log_probs, after.log_probs);
}

#[test]
fn a_state_comes_back_to_the_byte() {
    let trained = trained();
    let state = trained.state().unwrap();
    let mut other = policy(9);
    other.restore(&state).unwrap();
    assert_eq!(other.state().unwrap(), state);
    let (images, _) = discs();
    assert_eq!(other.segment(&images).unwrap(), trained.segment(&images).unwrap());
}

#[test]
fn a_state_of_another_width_is_refused_and_changes_nothing() {
    let wide = NetworkSettings { width: 16, ..SETTINGS };
    let wide = NetworkPolicy::new(&wide, Seed(1), &Device::flex()).unwrap();
    let mut policy = policy(1);
    let (before, actor) = (policy.state().unwrap(), wide.state().unwrap().actor);
    let error = policy.restore(&PolicyState { actor, critic: before.critic.clone() }).unwrap_err();
    assert!(error.to_string().contains("layer1.net.0.weight"), "{error}");
    assert_eq!(policy.state().unwrap(), before);
}

#[test]
fn a_loss_that_is_not_finite_reaches_no_weight() {
    let mut policy = policy(1);
    let (images, labels) = discs();
    let before = policy.state().unwrap();
    let mut broken = rollout(&mut policy);
    broken.actions.log_probs[0] = -1e5;
    let error = policy.update(&broken, &PolicyUpdate { update_epochs: 2, ..update() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinite, "{error}");
    let after = policy.state().unwrap();
    assert_eq!(after.actor, before.actor);
    let mut dark = images;
    dark.values[5] = f32::NAN;
    let step = ImitationStep { learning_rate: 1e-2, label_smoothing: 0.0 };
    assert_eq!(policy.imitate(&dark, &labels, &step).unwrap_err().kind(), ErrorKind::NotFinite);
    assert_eq!(policy.segment(&dark).unwrap_err().kind(), ErrorKind::NotFinite);
    assert_eq!(policy.state().unwrap(), after);
}

#[test]
fn perturbing_a_copy_leaves_the_network() {
    let trained = trained();
    let (images, _) = discs();
    let plain = trained.segment(&images).unwrap();
    assert_eq!(trained.segment_perturbed(&images, 0.0, Seed(1)).unwrap(), plain);
    let noisy = trained.segment_perturbed(&images, 0.1, Seed(1)).unwrap();
    assert_eq!(noisy, trained.segment_perturbed(&images, 0.1, Seed(1)).unwrap());
    assert_ne!(noisy, plain);
    assert_eq!(trained.segment(&images).unwrap(), plain);
}

#[test]
fn shrunk_and_perturbed_the_policy_still_segments() {
    let mut policy = trained();
    let (images, labels) = discs();
    policy.shrink_and_perturb(0.5, 0.01, Seed(1)).unwrap();
    // Three quarters of the voxels are background.
    let left = agreement(&policy.segment(&images).unwrap(), &labels);
    assert!(left > 0.8, "{left}");
}

#[test]
fn frames_of_a_sequence_are_segmented_as_images() {
    let (images, _) = discs();
    let policy = trained();
    let apart = policy.segment(&images).unwrap();
    let sequence = ImageBatch { batch: 1, channels: 1, shape: [BATCH, SIDE, SIDE], values: images.values };
    let together = policy.segment(&sequence).unwrap();
    assert_eq!((together.batch, together.shape), (1, [BATCH, SIDE, SIDE]));
    assert_eq!(together.labels, apart.labels);
}

#[test]
fn normalisation_takes_the_statistics_of_other_images_and_no_weight_changes() {
    let mut policy = trained();
    let (images, labels) = discs();
    let mut dimmed = images.clone();
    dimmed.values.iter_mut().for_each(|value| *value = 0.3 * *value + 0.4);
    let before = agreement(&policy.segment(&dimmed).unwrap(), &labels);
    let weights = |policy: &NetworkPolicy| policy.actor.network().tensors();
    let old = weights(&policy);
    for _ in 0..40 {
        policy.renormalize(&dimmed).unwrap();
    }
    assert!(agreement(&policy.segment(&dimmed).unwrap(), &labels) > before);
    for (old, new) in old.iter().zip(weights(&policy)) {
        assert_eq!(old.role.learns(), *old == new, "{}", old.name);
    }
}

#[test]
fn entropy_falls_by_scales_and_shifts_alone() {
    let mut policy = policy(1);
    let (images, _) = discs();
    let weights = |policy: &NetworkPolicy| policy.actor.network().tensors();
    let old = weights(&policy);
    let entropies: Vec<f64> = (0..5).map(|_| policy.lower_entropy(&images, 1e-2).unwrap()).collect();
    assert!(entropies.windows(2).all(|pair| pair[1] < pair[0]), "{entropies:?}");
    for (old, new) in old.iter().zip(weights(&policy)) {
        let may_change = matches!(old.role, Role::Affine | Role::RunningMean | Role::RunningVariance);
        assert_eq!(may_change, *old != new, "{}", old.name);
    }
}

#[test]
fn the_reference_moves_towards_the_network() {
    let mut policy = policy(1);
    let (images, labels) = discs();
    assert_eq!(policy.blend_reference(0.5).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(policy.segment_by_reference(&images).unwrap_err().kind(), ErrorKind::NotFound);
    policy.freeze_reference().unwrap();
    let old = policy.reference.as_ref().unwrap().tensors();
    policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-2, label_smoothing: 0.0 }).unwrap();
    let network = policy.actor.network().tensors();
    policy.blend_reference(0.75).unwrap();
    let blended = policy.reference.as_ref().unwrap().tensors();
    for ((old, new), blended) in old.iter().zip(&network).zip(&blended) {
        for ((old, new), blended) in old.values.iter().zip(&new.values).zip(&blended.values) {
            assert!((0.75 * old + 0.25 * new - blended).abs() < 1e-6, "{old} {new} {blended}");
        }
    }
    policy.blend_reference(0.0).unwrap();
    assert_eq!(policy.segment_by_reference(&images).unwrap(), policy.segment(&images).unwrap());
}

#[test]
fn training_goes_on_from_its_state_as_if_nothing_had_been_in_between() {
    let mut policy = trained();
    policy.freeze_reference().unwrap();
    let experience = rollout(&mut policy);
    policy.update(&experience, &update()).unwrap();
    let state = policy.training_state().unwrap().unwrap();
    let mut resumed = self::policy(2);
    resumed.resume_training(&state).unwrap();
    for policy in [&mut policy, &mut resumed] {
        policy.update(&experience, &update()).unwrap();
        let (images, labels) = discs();
        policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-2, label_smoothing: 0.0 }).unwrap();
    }
    assert_eq!(policy.training_state().unwrap(), resumed.training_state().unwrap());
    let (images, _) = discs();
    let act = |policy: &mut NetworkPolicy| policy.act(&images, &[None; BATCH], Seed(4)).unwrap();
    assert_eq!(act(&mut policy), act(&mut resumed));
    let mut incomplete = state;
    incomplete.0.remove("critic-optimizer");
    assert!(resumed.resume_training(&incomplete).unwrap_err().to_string().contains("no part `critic-optimizer`"));
}
