use rl4seg_abi as abi;
use serde::{Deserialize, Serialize};

use super::{from_json, inconsistent, read_image, read_label_map, to_json, with_image, with_label_map};
use crate::{
    component::{ComponentError, DistortionRequest, ErrorKind, Result, WrongMap},
    domain::Seed,
};

/// A distortion request without its voxels.
#[derive(Serialize, Deserialize)]
struct Description {
    name: String,
    #[serde(flatten)]
    wrong_map: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Given,
    OfAlteredImage,
    OfNoisyPolicy { std: f64, seed: Seed },
    OfAnotherCase { seed: Seed },
}

/// Lends `request` for the time of `call`: its description as JSON, and its voxels or null.
///
/// # Errors
/// If it asks for something that this version of the boundary cannot say.
pub fn with_request(
    request: &DistortionRequest,
    call: impl FnOnce(&str, *const abi::Voxels) -> Result<()>,
) -> Result<()> {
    let describe = |wrong_map| to_json(&Description { name: request.name.clone(), wrong_map });
    match &request.wrong_map {
        WrongMap::Given(labels) => {
            let json = describe(Kind::Given)?;
            with_label_map(labels, |voxels| call(&json, voxels))
        }
        WrongMap::OfAlteredImage(image) => {
            let json = describe(Kind::OfAlteredImage)?;
            with_image(image, |voxels| call(&json, voxels))
        }
        &WrongMap::OfNoisyPolicy { std, seed } if std.is_finite() => {
            call(&describe(Kind::OfNoisyPolicy { std, seed })?, std::ptr::null())
        }
        WrongMap::OfNoisyPolicy { std, .. } => {
            let message =
                format!("the distortion `{}` asks for weight noise of standard deviation {std}", request.name);
            Err(ComponentError::new(ErrorKind::NotFinite, message))
        }
        &WrongMap::OfAnotherCase { seed } => call(&describe(Kind::OfAnotherCase { seed })?, std::ptr::null()),
    }
}

/// The request that `json` and `voxels` describe.
///
/// # Errors
/// If they are not as [`with_request`] gives them.
///
/// # Safety
/// As [`read_label_map`].
pub unsafe fn read_request(json: &str, voxels: *const abi::Voxels) -> Result<DistortionRequest> {
    let Description { name, wrong_map } = from_json("a distortion request", json)?;
    let named = |error: ComponentError| error.context(format!("distortion request `{name}`"));
    let wrong_map = match wrong_map {
        // SAFETY: the caller's word.
        Kind::Given => WrongMap::Given(unsafe { read_label_map(voxels) }.map_err(named)?),
        // SAFETY: the caller's word.
        Kind::OfAlteredImage => WrongMap::OfAlteredImage(unsafe { read_image(voxels) }.map_err(named)?),
        Kind::OfNoisyPolicy { std, .. } if std.is_nan() || std < 0.0 => {
            return Err(named(inconsistent(format!("a standard deviation of {std}; expected 0 or above"))));
        }
        Kind::OfNoisyPolicy { std, seed } => WrongMap::OfNoisyPolicy { std, seed },
        Kind::OfAnotherCase { seed } => WrongMap::OfAnotherCase { seed },
    };
    Ok(DistortionRequest { name, wrong_map })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Image, LabelMap};

    #[test]
    fn every_request_arrives_as_it_was() {
        let grid = Grid::plane([2, 2], [0.5, 0.5]).unwrap();
        for wrong_map in [
            WrongMap::Given(LabelMap::new(grid, vec![0, 1, 2, 3]).unwrap()),
            WrongMap::OfAlteredImage(Image::new(grid, 1, vec![0.0, 0.25, 0.5, 1.0]).unwrap()),
            WrongMap::OfNoisyPolicy { std: 0.1, seed: Seed(u64::MAX) },
            WrongMap::OfAnotherCase { seed: Seed(3) },
        ] {
            let request = DistortionRequest { name: "a name".to_owned(), wrong_map };
            let mut arrived = None;
            with_request(&request, |json, voxels| {
                // SAFETY: lent for this call.
                arrived = Some(unsafe { read_request(json, voxels) }?);
                Ok(())
            })
            .unwrap();
            assert_eq!(arrived, Some(request));
        }
    }

    #[test]
    fn a_request_without_its_voxels_is_refused() {
        // SAFETY: null is refused before it is read.
        let error = unsafe { read_request(r#"{"name":"a","kind":"given"}"#, std::ptr::null()) }.unwrap_err();
        assert_eq!(error.chain().next(), Some("distortion request `a`"));
        // SAFETY: as above.
        assert!(unsafe { read_request(r#"{"name":"a","kind":"new"}"#, std::ptr::null()) }.is_err());
    }
}
