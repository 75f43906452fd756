//! CLAHE and contrast against the answers of scikit-image and torchvision.

use anyhow::{Context, Result, bail, ensure};
use rl4seg_core::domain::{Grid, Image};
use rl4seg_core::preprocess::{Clahe, Preprocess, Rescale, contrast};
use rl4seg_tests::fixtures::{Array, Set};

const TOLERANCE: f32 = 1e-6;

#[test]
fn clahe_equals_equalize_adapthist() -> Result<()> {
    let set = Set::open("intensity")?;
    let preprocess =
        Preprocess { rescale: Rescale::Divide(255.0), clahe: Some(Clahe::default()), ..Preprocess::default() };
    for size in set.variants("clahe_", ".npy.gz")? {
        let raw: Array<u8> = set.array(&format!("raw_{size}.npy.gz"))?;
        let raw = Array { shape: raw.shape, values: raw.values.into_iter().map(f32::from).collect() };
        let expected: Array<f32> = set.array(&format!("clahe_{size}.npy.gz"))?;
        for (index, (image, expected)) in pairs(&raw, &expected)?.into_iter().enumerate() {
            let found = preprocess.apply(&image)?.image;
            check_close(&found, expected).with_context(|| format!("image {index} of size {size}"))?;
        }
    }
    Ok(())
}

#[test]
fn contrast_equals_adjust_contrast() -> Result<()> {
    let set = Set::open("intensity")?;
    for variant in set.variants("contrast_", ".npy.gz")? {
        let (factor, size) = variant.split_once('_').with_context(|| format!("no factor and size in `{variant}`"))?;
        let images: Array<f32> = set.array(&format!("clahe_{size}.npy.gz"))?;
        let expected: Array<f32> = set.array(&format!("contrast_{variant}.npy.gz"))?;
        for (index, (image, expected)) in pairs(&images, &expected)?.into_iter().enumerate() {
            let found = contrast(&image, factor.parse()?)?;
            check_close(&found, expected).with_context(|| format!("image {index} of size {size} by {factor}"))?;
        }
    }
    Ok(())
}

/// The images `[n, y, x]`, each with its answer `[n, y, x]` or `[n, 1, y, x]`.
fn pairs<'a>(images: &Array<f32>, expected: &'a Array<f32>) -> Result<Vec<(Image, &'a [f32])>> {
    let [count, y, x] = images.shape[..] else { bail!("images of shape {:?}; expected [n, y, x]", images.shape) };
    ensure!(count > 0 && expected.shape[0] == count, "{count} images against {:?} answers", expected.shape);
    ensure!(expected.values.len() == images.values.len(), "{:?} against {:?}", images.shape, expected.shape);
    let grid = Grid::plane([y, x], [1.0, 1.0])?;
    let image = |values: &[f32]| Image::new(grid, 1, values.to_vec());
    images.items().zip(expected.items()).map(|(values, expected)| Ok((image(values)?, expected))).collect()
}

fn check_close(found: &Image, expected: &[f32]) -> Result<()> {
    let differences = found.values().iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    let (at, worst) = differences.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).context("no pixels")?;
    let position = found.grid().position(at);
    ensure!(worst <= TOLERANCE, "off by {worst} at {position:?}: {} against {}", found.values()[at], expected[at]);
    Ok(())
}
