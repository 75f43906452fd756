//! Labels and uncertainty lie where their image lies, whichever way its axes point.

use super::*;

/// Three axes that stand on each other: rotations of growing obliqueness about all three.
fn rotations() -> Vec<[[f64; 3]; 3]> {
    let turned = |[a, b, c]: [f64; 3]| {
        let ([sa, ca], [sb, cb], [sc, cc]) = ([a.sin(), a.cos()], [b.sin(), b.cos()], [c.sin(), c.cos()]);
        [
            [cb * cc, sa * sb * cc - ca * sc, ca * sb * cc + sa * sc],
            [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - sa * cc],
            [-sb, sa * cb, ca * cb],
        ]
    };
    [[0.0, 0.0, 0.0], [0.3, 0.0, 0.0], [0.0, -0.7, 0.2], [1.1, 0.4, -2.3], [std::f64::consts::FRAC_PI_2, 0.0, 3.0]]
        .map(turned)
        .to_vec()
}

/// An image of 4 x 3 x 2 voxels whose axes are those of a rotation, each flipped or not, of these spacings in mm.
fn placed(rotation: &[[f64; 3]; 3], flips: [bool; 3], spacing: [f64; 3]) -> File {
    let file = File::bytes(&[4, 3, 2]);
    let column = |axis: usize| if flips[axis] { -spacing[axis] } else { spacing[axis] };
    let rows = [0, 1, 2].map(|row| {
        let [x, y, z] = [0, 1, 2].map(|axis| (rotation[row][axis] * column(axis)) as f32);
        [x, y, z, 10.5 - 7.0 * row as f32]
    });
    let file = (0..3).fold(file, |file, axis| file.f32(80 + 4 * axis, spacing[axis] as f32));
    file.sform(rows)
}

#[test]
fn results_carry_every_affine_bit_for_bit_and_voxels_stay_in_place() {
    let folder = folder();
    let flips = (0..8).map(|bits| [0, 1, 2].map(|axis| bits >> axis & 1 == 1));
    let spacings = [[0.5, 0.5, 0.5], [0.31, 0.62, 5.0], [2.0, 0.1, 0.7]];
    let mut seen = 0;
    for ((rotation, flips), spacing) in
        rotations().iter().flat_map(|r| flips.clone().map(move |f| (r, f))).flat_map(|a| spacings.map(|s| (a, s)))
    {
        let file = placed(rotation, flips, spacing);
        let path = file.write(folder.path(), "image.nii");
        let image = read_image(&path, ThirdAxis::Depth).unwrap();
        let grid = *image.image.grid();
        let labels = LabelMap::new(grid, (0..grid.len()).map(|index| (index % 3) as u8).collect()).unwrap();
        let uncertainty = VoxelMap::new(grid, (0..grid.len()).map(|index| index as f32 / 24.0).collect()).unwrap();
        let [to, map] = ["labels.nii.gz", "map.nii"].map(|name| folder.path().join(name));
        write_labels(&to, &labels, &image.geometry).unwrap();
        write_map(&map, &uncertainty, &image.geometry).unwrap();
        let again = read_labels(&to, ThirdAxis::Depth, &heart(), &[]).unwrap();
        assert_eq!(
            (&again.labels, again.geometry.affine()),
            (&labels, image.geometry.affine()),
            "{rotation:?} {flips:?}"
        );
        let again = read_image(&map, ThirdAxis::Depth).unwrap();
        assert_eq!(again.image.values(), uncertainty.values());
        assert_eq!(again.geometry.affine(), image.geometry.affine());
        assert_eq!(fs::read(&map).unwrap()[280..328], file.header[280..328], "the sform's bytes");
        seen += 1;
    }
    assert_eq!(seen, 5 * 8 * 3);
}
