//! Networks that a plugin brings, trained by the policy and the reward model of the loop.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use own_network::{Config, Layers, TwoConvolutions};
use rl4seg_core::{
    component::{ImitationStep, Policy, PolicyUpdate, RewardBatch, RewardModel, UpdateRule},
    domain::{ImageBatch, LabelBatch, Rollout, Seed},
    nn::{NetworkKind, NetworkPolicy, NetworkReward, NetworkSettings, device},
    plugin::{Catalog, DiscoverOptions},
};
use rl4seg_sdk::Component;
use rl4seg_tests::plugins::built;

const HIDDEN: &str = r#"{"hidden":4}"#;

/// Two images of two planes, and their labels: bright is 1.
fn examples() -> (ImageBatch, LabelBatch) {
    let shape = [2, 12, 10];
    let labels: Vec<u8> = (0..480_u32).map(|index| u8::from(index * 7 % 13 > 8)).collect();
    let values =
        labels.iter().enumerate().map(|(index, label)| 0.1 + 0.7 * f32::from(*label) + (index % 5) as f32 * 0.02);
    let images = ImageBatch { batch: 2, channels: 1, shape, values: values.collect() };
    (images, LabelBatch { batch: 2, shape, labels })
}

/// What training with a network of this kind gives: losses, and all weights in the end.
fn trained(kind: NetworkKind) -> (Vec<f64>, Vec<u8>) {
    let settings = NetworkSettings::new(2, 1, 2).made_of(kind);
    let cpu = device("cpu").unwrap();
    let mut policy = NetworkPolicy::new(&settings, Seed(1), &cpu).unwrap();
    let mut reward = NetworkReward::new(&settings, Seed(2), &cpu).unwrap();
    let (images, labels) = examples();
    let step = ImitationStep { learning_rate: 0.02, label_smoothing: 0.0 };
    let mut losses: Vec<f64> = (0..5).map(|_| policy.imitate(&images, &labels, &step).unwrap()).collect();
    policy.freeze_reference().unwrap();
    let actions = policy.act(&images, &[None, None], Seed(3)).unwrap();
    let right = |(drawn, label): (&u8, &u8)| f32::from(u8::from(drawn == label));
    let rewards: Vec<f32> = actions.labels.labels.iter().zip(&labels.labels).map(right).collect();
    let batch = RewardBatch { images: images.clone(), labels: actions.labels.clone(), correctness: rewards.clone() };
    losses.extend((0..5).map(|_| reward.fit_step(&batch, 0.02).unwrap()));
    let rollout = Rollout { images: images.clone(), actions, rewards, is_pseudo_reference: vec![false; 2] };
    let update = PolicyUpdate {
        rule: UpdateRule::Ppo,
        update_epochs: 3,
        clip_range: 0.2,
        entropy_coef: 0.01,
        divergence_coef: 0.05,
        actor_learning_rate: 0.01,
        critic_learning_rate: 0.01,
        max_grad_norm: 0.5,
    };
    let stats = policy.update(&rollout, &update).unwrap();
    losses.extend([stats.policy_loss, stats.value_loss, stats.grad_norm]);
    policy.shrink_and_perturb(0.9, 0.01, Seed(4)).unwrap();
    losses.push(policy.imitate(&images, &labels, &step).unwrap());
    let logits = reward.logits(&images, &labels).unwrap();
    losses.push(logits.iter().map(|logit| f64::from(*logit)).sum::<f64>() / logits.len() as f64);
    (losses, policy.state().unwrap().actor)
}

fn loaded() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let library = built("own-network").unwrap();
    std::fs::copy(&library, folder.path().join(library.file_name().unwrap())).unwrap();
    let named = vec![folder.path().to_path_buf()];
    (folder, Catalog::discover(&DiscoverOptions { named, ..DiscoverOptions::nowhere() }))
}

#[test]
fn linked_and_loaded_networks_give_the_same_losses_and_both_ways_nearly_so() {
    let (_folder, catalog) = loaded();
    let config = || Config { hidden: 4 };
    let by_layers = [
        NetworkKind::Architecture(Arc::new(Layers::new(config()).unwrap())),
        NetworkKind::Architecture(catalog.network_architecture("own-network/layers", HIDDEN).unwrap().into()),
    ]
    .map(trained);
    let by_function = [
        NetworkKind::Differentiable(Arc::new(TwoConvolutions::new(config()).unwrap())),
        NetworkKind::Differentiable(catalog.differentiable_network("own-network/function", HIDDEN).unwrap().into()),
    ]
    .map(trained);
    assert!(by_layers[0] == by_layers[1], "{by_layers:?}");
    assert!(by_function[0] == by_function[1], "{by_function:?}");
    let losses = &by_layers[0].0;
    assert!(losses[4] < 0.9 * losses[0], "the policy learns: {losses:?}");
    assert!(losses[9] < losses[5], "the reward network learns: {losses:?}");
    // Both are the same function with the same weights; sums are taken in another order.
    for (layers, function) in losses.iter().zip(&by_function[0].0) {
        assert!((layers - function).abs() < 2e-3 * (1.0 + layers.abs()), "{by_layers:?}\n{by_function:?}");
    }
}

#[test]
fn training_does_not_depend_on_the_number_of_threads() {
    let layers = || NetworkKind::Architecture(Arc::new(Layers::new(Config { hidden: 4 }).unwrap()));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(layers()))
    };
    assert!(with(1) == with(4));
}
