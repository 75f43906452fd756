use super::PreprocessError;
use crate::domain::Image;

/// Moves every intensity away from the mean of its plane (`factor` above 1) or towards it (below
/// 1): `factor · v + (1 − factor) · mean`, clamped to [0, 1].
///
/// Equals `adjust_contrast` of torchvision on a one-channel float image; its `rgb_to_grayscale` of
/// three channels is not followed: each channel keeps its own mean.
///
/// # Errors
/// If `factor` is negative or not finite.
pub fn contrast(image: &Image, factor: f64) -> Result<Image, PreprocessError> {
    if !(factor.is_finite() && factor >= 0.0) {
        let found = factor.to_string();
        return Err(PreprocessError::Setting { key: "contrast", found, expected: "a finite number of at least 0" });
    }
    let mut changed = image.clone();
    for plane in changed.values_mut().chunks_exact_mut(image.grid().plane_len()) {
        let mean = plane.iter().map(|&value| f64::from(value)).sum::<f64>() / plane.len() as f64;
        for value in plane {
            *value = (factor * f64::from(*value) + (1.0 - factor) * mean).clamp(0.0, 1.0) as f32;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    #[test]
    fn factor_zero_leaves_the_mean_and_two_is_clamped() {
        let image = Image::new(Grid::plane([1, 4], [1.0, 1.0]).unwrap(), 1, vec![0.0, 0.25, 0.75, 1.0]).unwrap();
        assert_eq!(contrast(&image, 0.0).unwrap().values(), [0.5; 4]);
        assert_eq!(contrast(&image, 1.0).unwrap(), image);
        assert_eq!(contrast(&image, 2.0).unwrap().values(), [0.0, 0.0, 1.0, 1.0]);
        assert!(contrast(&image, -1.0).is_err());
        assert!(contrast(&image, f64::NAN).is_err());
    }
}
