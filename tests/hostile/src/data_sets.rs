//! Tables, lists and videos of data sets.

use std::{fmt::Write, fs, path::Path};

use rl4seg_echo::sources::{CasesCsv, CasesCsvConfig, EchonetDynamic, EchonetDynamicConfig, Msd, Nnunet};
use rl4seg_sdk::{
    component::{ComponentError, DataSource},
    sources::{MsdConfig, NnunetConfig},
};

use crate::{
    WholeFile,
    images::{self, stored},
};

pub(crate) fn tables() -> Vec<WholeFile> {
    let table = b"id,group,split,px\na,p1,train,0.5\nb,p2,test,0.5\n\"c,d\",p3,,\n";
    vec![WholeFile { name: "cases.csv", bytes: table.to_vec() }]
}

/// Where each image is missing is told after the whole table was read, so that none need be there.
pub(crate) fn open_table(root: &Path) -> Result<(), String> {
    match CasesCsv::new(&CasesCsvConfig { root: root.to_owned() }) {
        Err(error) if !error.to_string().contains("are missing") => Err(error.to_string()),
        _ => Ok(()),
    }
}

const NNUNET: &str = r#"{ "channel_names": { "0": "US" }, "numTraining": 1, "file_ending": ".nii",
    "labels": { "background": 0, "left ventricle": 1, "myocardium": 2 } }"#;
const MSD: &str = r#"{ "modality": { "0": "US" }, "numTraining": 1, "numTest": 0, "test": [],
    "labels": { "0": "background", "1": "left ventricle", "2": "myocardium" },
    "training": [{ "image": "./imagesTr/a_0000.nii", "label": "./labelsTr/a.nii" }] }"#;

pub(crate) fn lists() -> Vec<WholeFile> {
    [("nnunet.json", NNUNET), ("msd.json", MSD)]
        .map(|(name, text)| WholeFile { name, bytes: text.as_bytes().to_vec() })
        .into()
}

pub(crate) fn prepare_lists(root: &Path) {
    let Some(image) = images::nifti().into_iter().next() else { return };
    for (folder, name) in [("imagesTr", "a_0000.nii"), ("labelsTr", "a.nii")] {
        fs::create_dir_all(root.join(folder)).unwrap();
        fs::write(root.join(folder).join(name), &image.bytes).unwrap();
    }
}

/// As nnU-Net's and as the Decathlon's.
pub(crate) fn open_list(root: &Path) -> Result<(), String> {
    let root = root.to_owned();
    let nnunet = NnunetConfig {
        root: root.clone(),
        labels: Default::default(),
        unlabelled: Vec::new(),
        patient: Default::default(),
        channel: None,
        fold: None,
        splits: "splits_final.json".into(),
        spacing_mm: None,
    };
    let msd = MsdConfig {
        root,
        labels: Default::default(),
        unlabelled: Vec::new(),
        patient: Default::default(),
        spacing_mm: None,
    };
    let nnunet = Nnunet::new(&nnunet).map(drop);
    Msd::new(&msd).map(drop).or(nnunet).map_err(|error| error.to_string())
}

pub(crate) fn videos() -> Vec<WholeFile> {
    stored!["jpeg.avi"]
}

/// Both tables of EchoNet-Dynamic, where the frames 0 and 1 of one video are traced.
pub(crate) fn prepare_videos(root: &Path) {
    fs::create_dir_all(root.join("Videos")).unwrap();
    fs::write(root.join("Videos/A.avi"), []).unwrap();
    let list = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\nA,50,40,80,16,16,50,2,TRAIN\n";
    fs::write(root.join("FileList.csv"), list).unwrap();
    let mut tracings = "FileName,X1,Y1,X2,Y2,Frame\n".to_owned();
    for frame in 0..2 {
        writeln!(tracings, "A.avi,8,2,8,12,{frame}").unwrap();
        for chord in 0..10 {
            writeln!(tracings, "A.avi,4,{y}.5,12,{y}.5,{frame}", y = 2 + chord).unwrap();
        }
    }
    fs::write(root.join("VolumeTracings.csv"), tracings).unwrap();
}

/// As a data set of one video: every traced frame.
pub(crate) fn open_video(root: &Path) -> Result<(), String> {
    every_frame(root).map_err(|error| error.to_string())
}

fn every_frame(root: &Path) -> Result<(), ComponentError> {
    let source = EchonetDynamic::new(EchonetDynamicConfig {
        root: root.to_owned(),
        spacing_mm: [1.0, 1.0],
        cavity_only: false,
        check_volumes: false,
    })?;
    let images: Vec<_> = source.cases()?.iter().map(|case| source.image(&case.id)).collect();
    images.into_iter().try_for_each(|image| image.map(drop))
}
