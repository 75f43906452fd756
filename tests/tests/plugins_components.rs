//! Components of real libraries, made and called through the catalog.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use rl4seg_core::{
    component::{ErrorKind, WrongMap},
    domain::{CaseId, Grid, Image, LabelMap, Seed, Verdict},
    plugin::{Catalog, DiscoverOptions},
};
use rl4seg_sdk::fixtures::label_map;
use rl4seg_tests::plugins::{built, built_example, compiled};

/// A catalog of one library, in a folder of its own.
fn catalog_of(library: &std::path::Path) -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(library, folder.path().join(library.file_name().unwrap())).unwrap();
    let named = vec![folder.path().to_path_buf()];
    let catalog = Catalog::discover(&DiscoverOptions { named, ..DiscoverOptions::nowhere() });
    assert!(catalog.refused().is_empty(), "{:?}", catalog.refused());
    (folder, catalog)
}

fn faulty() -> (tempfile::TempDir, Catalog) {
    catalog_of(&built("rl4seg-faulty").unwrap())
}

fn behaving(behaviour: &str) -> String {
    format!(r#"{{"behaviour":"{behaviour}"}}"#)
}

fn image() -> Image {
    Image::new(Grid::plane([2, 2], [1.0, 1.0]).unwrap(), 1, vec![0.0, 0.25, 0.5, 1.0]).unwrap()
}

#[test]
fn a_loaded_component_answers_as_the_same_code_linked() {
    let (_folder, catalog) = faulty();
    let labels = label_map(&[".1", "11"]);
    let findings = catalog.validity_metric("faulty/component", &behaving("sound")).unwrap().assess(&labels).unwrap();
    // 3 * 0.1 is not 0.3: every bit of a number arrives.
    assert_eq!(findings[0].value, Some(3.0 * 0.1));
    assert_eq!(Verdict::of(&findings), Verdict::Valid);

    let generator = catalog.distortion_generator("faulty/component", &behaving("sound")).unwrap();
    let requests = generator.requests(&image(), &labels, Seed(u64::MAX)).unwrap();
    assert_eq!(requests[0].wrong_map, WrongMap::Given(labels.clone()));
    assert_eq!(requests[1].wrong_map, WrongMap::OfNoisyPolicy { std: 0.1, seed: Seed(u64::MAX) });

    let mut corrector = catalog.corrector("faulty/component", &behaving("sound")).unwrap();
    corrector.fit(&[labels.clone(), labels.clone()]).unwrap();
    assert_eq!(corrector.candidates(&labels).unwrap(), [labels]);

    let source = catalog.data_source("faulty/source", &behaving("sound")).unwrap();
    assert_eq!(source.labels().len(), 2);
    let case = source.cases().unwrap().remove(0);
    assert_eq!(source.image(&case.id).unwrap().values(), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(source.reference(&case.id).unwrap(), Some(label_map(&[".1", "11"])));
}

#[test]
fn an_error_arrives_with_its_kind_and_every_level() {
    let (_folder, catalog) = faulty();
    let metric = catalog.validity_metric("faulty/component", &behaving("error")).unwrap();
    let error = metric.assess(&label_map(&["1"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    let chain: Vec<_> = error.chain().collect();
    assert_eq!(chain, ["the plugin component `faulty/component` failed", "reading the atlas", "the disk is gone"]);

    let error = catalog.data_source("faulty/source", &behaving("error_when_made")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(error.chain().last(), Some("the disk is gone"));

    let source = catalog.data_source("faulty/source", &behaving("sound")).unwrap();
    assert_eq!(source.image(&CaseId("other".to_owned())).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_panic_is_an_error_that_names_the_component() {
    let (_folder, catalog) = faulty();
    let labels = label_map(&["11", "11"]);
    let made = catalog.corrector("faulty/component", &behaving("panic_when_made")).err().unwrap();
    let mut corrector = catalog.corrector("faulty/component", &behaving("panic")).unwrap();
    let metric = catalog.validity_metric("faulty/component", &behaving("panic")).unwrap();
    let generator = catalog.distortion_generator("faulty/component", &behaving("panic")).unwrap();
    let source = catalog.data_source("faulty/source", &behaving("panic")).unwrap();
    let only = CaseId("only".to_owned());
    for error in [
        made,
        catalog.data_source("faulty/source", &behaving("panic_on_labels")).err().unwrap(),
        corrector.fit(std::slice::from_ref(&labels)).unwrap_err(),
        corrector.candidates(&labels).unwrap_err(),
        metric.assess(&labels).unwrap_err(),
        generator.requests(&image(), &labels, Seed(0)).unwrap_err(),
        source.cases().unwrap_err(),
        source.image(&only).unwrap_err(),
        source.reference(&only).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Panicked);
        let text = error.chain().collect::<Vec<_>>().join(": ");
        assert!(text.contains("`faulty/") && text.contains("panicked"), "{text}");
        assert!(text.contains("index 7 is out of bounds") || text.contains("no memory for the atlas"), "{text}");
    }
}

#[test]
fn a_panic_when_a_component_is_freed_stays_in_the_plugin() {
    let (_folder, catalog) = faulty();
    let metric = catalog.validity_metric("faulty/component", &behaving("panic_when_freed")).unwrap();
    metric.assess(&label_map(&["1"])).unwrap();
    drop(metric);
    let again = catalog.validity_metric("faulty/component", &behaving("sound")).unwrap();
    assert!(again.assess(&label_map(&["1"])).is_ok());
}

#[test]
fn what_does_not_fit_the_request_is_refused() {
    let (_folder, catalog) = faulty();
    let labels = label_map(&["11", "11"]);
    let corrector = catalog.corrector("faulty/component", &behaving("other_grid")).unwrap();
    let mut errors = vec![(corrector.candidates(&labels).unwrap_err(), "the correction")];
    for (behaviour, what) in [
        ("other_grid", "the wrong label map"),
        ("other_image", "the altered image"),
        ("other_channels", "the altered image has 2 channels, the original 1"),
    ] {
        let generator = catalog.distortion_generator("faulty/component", &behaving(behaviour)).unwrap();
        errors.push((generator.requests(&image(), &labels, Seed(0)).unwrap_err(), what));
    }
    for (error, what) in errors {
        assert_eq!(error.kind(), ErrorKind::BrokenPromise);
        let text = error.chain().collect::<Vec<_>>().join(": ");
        assert!(text.contains("`faulty/component` failed") && text.contains(what), "{text}");
    }
    let metric = catalog.validity_metric("faulty/component", &behaving("nan")).unwrap();
    assert_eq!(metric.assess(&labels).unwrap_err().kind(), ErrorKind::NotFinite);
    let only = CaseId("only".to_owned());
    let source = catalog.data_source("faulty/source", &behaving("nan")).unwrap();
    assert_eq!(source.image(&only).unwrap_err().kind(), ErrorKind::NotFinite);
    let source = catalog.data_source("faulty/source", &behaving("other_label")).unwrap();
    assert_eq!(source.reference(&only).unwrap_err().kind(), ErrorKind::BrokenPromise);
}

#[test]
fn an_unknown_key_or_component_is_refused() {
    let (_folder, catalog) = faulty();
    let error = catalog.validity_metric("faulty/component", r#"{"behaviour":"sound","colour":1}"#).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.chain().any(|message| message.contains("colour")), "{error:?}");
    let error = catalog.corrector("faulty/compnent", "{}").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.chain().any(|message| message.contains("faulty/component")), "{error:?}");
}

#[test]
fn several_threads_share_a_component() {
    let (_folder, catalog) = faulty();
    let metric = catalog.validity_metric("faulty/component", &behaving("sound")).unwrap();
    let labels = LabelMap::background(Grid::plane([64, 64], [1.0, 1.0]).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(metric.assess(&labels).unwrap()[0].value, Some(0.0))));
        }
    });
}

#[test]
fn a_plugin_of_the_sdk_alone_is_loaded() {
    let (_folder, catalog) = catalog_of(&built("third-party-metric").unwrap());
    let config = r#"{"label":1,"accepted_mm2":[1.0,10.0]}"#;
    let metric = catalog.validity_metric("third-party-metric/area", config).unwrap();
    assert_eq!(metric.assess(&label_map(&[".1", "11"])).unwrap()[0].value, Some(3.0));
    let plugin = catalog.plugins().iter().find(|plugin| plugin.name == "third-party-metric").unwrap();
    assert_eq!(plugin.sha256().unwrap().unwrap().len(), 64);
    assert_eq!(plugin.components[0].id, "third-party-metric/area");
}

#[test]
fn a_metric_in_c_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libforeground.so");
    compiled("examples/metric-in-c/foreground.c", &library, &[]).unwrap();
    let (_folder, catalog) = catalog_of(&library);
    let metric = catalog.validity_metric("metric-in-c/foreground", "{}").unwrap();
    let findings = metric.assess(&label_map(&[".1", "11"])).unwrap();
    assert_eq!(findings[0].value, Some(0.75));
    assert_eq!(Verdict::of(&findings), Verdict::Valid);
    let error = catalog.validity_metric("metric-in-c/foreground", r#"{"a":1}"#).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

/// The plugin of another minor version that these macros make.
fn of_another_minor(defines: &[&str]) -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libminor.so");
    compiled("tests/plugins/minor.c", &library, defines).unwrap();
    catalog_of(&library)
}

#[test]
fn a_plugin_of_a_later_minor_version_is_used() {
    let (_folder, catalog) = of_another_minor(&["LATER"]);
    let plugin = catalog.plugins().iter().find(|plugin| plugin.name == "later").unwrap();
    // The component of a kind that is not known here hides no other.
    assert_eq!((plugin.abi.as_str(), plugin.components.len()), ("1.9", 1));
    let metric = catalog.validity_metric("later/component", "{}").unwrap();
    assert_eq!(metric.assess(&label_map(&["1"])).unwrap()[0].value, Some(4.0));
}

#[test]
fn a_plugin_of_an_earlier_minor_version_is_used_as_far_as_it_goes() {
    let (_folder, catalog) = of_another_minor(&[]);
    let source = catalog.data_source("earlier/component", "{}").unwrap();
    assert_eq!((source.labels().len(), source.cases().unwrap().len()), (2, 0));
    let case = CaseId("only".to_owned());
    for (error, function) in [
        (source.image(&case).unwrap_err(), "it lacks the function `image`"),
        (source.reference(&case).unwrap_err(), "it lacks the function `reference`"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.chain().last(), Some(function));
    }
}

#[test]
fn a_plugin_tells_the_settings_of_each_of_its_components() {
    // Each component of this plugin has settings of its own, so that a list in another order would show.
    let (_folder, catalog) = catalog_of(&built("rl4seg-echo").unwrap());
    let echo = catalog.plugins().iter().find(|plugin| plugin.name == "echo").unwrap();
    for (id, key) in [
        ("echo/camus", "left_atrium"),
        ("echo/phantom", "domain"),
        ("echo/anatomy", "noise_share"),
        ("echo/shape", "strength_mm"),
    ] {
        let component = echo.components.iter().find(|component| component.id == id).unwrap();
        let properties = &component.settings.as_ref().unwrap()["properties"];
        assert!(properties[key]["description"].is_string(), "{id}: {properties}");
    }
}

#[test]
fn what_comes_with_the_program_tells_its_settings_too() {
    let catalog = Catalog::builtin_only();
    for component in catalog.plugins().iter().flat_map(|plugin| &plugin.components) {
        let settings = component.settings.as_ref().unwrap();
        assert_eq!(settings["additionalProperties"], false, "{}", component.id);
    }
}

#[test]
fn a_plugin_of_a_later_sdk_is_loaded() {
    // Its structs come from another version of the package as well, which `abi_stable` compares.
    let (_folder, catalog) = catalog_of(&built_example("other-sdk-newer").unwrap());
    let plugin = catalog.plugins().iter().find(|plugin| plugin.name == "other_sdk_newer").unwrap();
    assert_eq!((plugin.abi.as_str(), plugin.sdk.as_str()), ("1.3", "another SDK"));
}

#[test]
fn an_array_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libbroken.so");
    compiled("tests/plugins/broken.c", &library, &[]).unwrap();
    let (_folder, catalog) = catalog_of(&library);
    let source = catalog.data_source("broken/source", "{}").unwrap();
    assert!(source.image(&CaseId("sound".to_owned())).is_ok());
    for case in
        ["negative", "huge", "flat", "type", "null", "device", "spacing", "misaligned", "twice", "nothing", "silent"]
    {
        assert!(source.image(&CaseId(case.to_owned())).is_err(), "{case}");
    }
    // Its table of contents is a label set, and it has no function for references.
    assert_eq!(source.cases().unwrap_err().kind(), ErrorKind::BrokenPromise);
    assert_eq!(source.reference(&CaseId("sound".to_owned())).unwrap_err().kind(), ErrorKind::Unsupported);
}
