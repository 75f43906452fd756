//! What a scanner and its patients are like, in the source and in the target domain.

use rl4seg_sdk::{
    domain_table,
    phantom::{Count, Normal, Probability, Uniform, count, normal, uniform},
};

domain_table! {
    /// The distributions that scanner, view and patient are drawn from. Levels in dB are
    /// relative to the same full scale; lengths are those of the relaxed ventricle.
    pub struct Parameters;

    /// Depth of the image, mm.
    depth_mm: Uniform = uniform(160.0, 178.0) => uniform(167.0, 196.9);
    /// Half the opening angle of the sector, degrees.
    half_angle_deg: Uniform = uniform(40.0, 44.0) => uniform(35.8, 46.1);
    /// Rotation of the ventricle about its apex, degrees; positive moves the base to the right.
    rotation_deg: Normal = normal(0.0, 5.0, -12.0, 12.0) => normal(4.2, 6.4, -13.4, 19.0);
    /// Position of the apex to the right of the probe, mm.
    apex_x_mm: Normal = normal(0.0, 4.0, -9.0, 9.0) => normal(1.4, 5.4, -11.1, 13.2);
    /// Depth of the apex, mm.
    apex_y_mm: Normal = normal(36.0, 4.0, 26.0, 46.0) => normal(38.8, 5.4, 27.4, 51.6);
    /// Length of the left ventricle, mm.
    length_mm: Normal = normal(84.0, 5.0, 72.0, 96.0) => normal(82.6, 6.4, 67.8, 97.4);
    /// Half its width, mm.
    half_width_mm: Normal = normal(23.0, 2.0, 18.0, 28.0) => normal(23.7, 2.56, 17.3, 30.1);
    /// Thickness of its walls, mm.
    wall_mm: Normal = normal(9.5, 0.9, 7.5, 12.0) => normal(9.85, 1.11, 7.5, 12.7);
    /// Share of its motion that the ventricle has made at end-systole.
    contraction_es: Uniform = uniform(0.7, 1.0) => uniform(0.42, 1.0);
    /// Papillary muscles seen.
    papillary_muscles: Count = count(0, 1) => count(0, 2);
    /// Whether the right ventricle is seen.
    right_ventricle: Probability = Probability(0.95) => Probability(0.845);

    /// Level of blood, dB.
    blood_db: Uniform = uniform(-48.0, -42.0) => uniform(-43.8, -36.4);
    /// Level of the myocardium, dB.
    myocardium_db: Uniform = uniform(-27.0, -23.0) => uniform(-28.4, -23.0);
    /// Level of the tissue around the heart, dB.
    tissue_db: Uniform = uniform(-25.0, -19.0) => uniform(-26.4, -17.6);
    /// What the pericardium adds where the beam meets it at a right angle, dB.
    pericardium_db: Uniform = uniform(9.0, 13.0) => uniform(5.5, 10.9);
    /// What the endocardium adds where the beam meets it at a right angle, dB.
    endocardium_db: Uniform = uniform(4.0, 8.0) => uniform(2.6, 6.6);
    /// What walls along the beam lose, dB.
    anisotropy_db: Uniform = uniform(2.0, 4.0) => uniform(2.7, 6.8);
    /// Standard deviation of slow changes of the level over the image, dB.
    unevenness_db: f32 = 3.0 => 4.4;

    /// Axial size of speckle, standard deviation in samples.
    speckle_axial: Uniform = uniform(1.2, 1.7) => uniform(1.55, 2.47);
    /// Lateral size of speckle, standard deviation in beams.
    speckle_lateral: Uniform = uniform(1.0, 1.5) => uniform(1.21, 2.13);
    /// Level of electronic noise, dB.
    noise_db: Uniform = uniform(-64.0, -58.0) => uniform(-59.8, -51.0);
    /// Level of the haze at the probe, dB.
    haze_db: Uniform = uniform(-60.0, -46.0) => uniform(-46.0, -32.0);
    /// Depth over which the haze falls to 1/e, mm.
    haze_length_mm: Uniform = uniform(8.0, 18.0) => uniform(12.2, 29.2);
    /// Regions without contact.
    dropouts: Count = count(0, 1) => count(1, 3);
    /// What such a region loses, dB.
    dropout_db: Uniform = uniform(3.0, 8.0) => uniform(5.1, 12.9);
    /// Whether a rib throws a shadow.
    shadow: Probability = Probability(0.05) => Probability(0.295);
    /// What its shadow loses, dB.
    shadow_db: Uniform = uniform(10.0, 20.0) => uniform(11.4, 22.8);
    /// Whether echoes come back a second time.
    reverberation: Probability = Probability(0.05) => Probability(0.26);
    /// Their level, dB.
    reverberation_db: Uniform = uniform(-30.0, -24.0) => uniform(-25.8, -17.0);

    /// Standard deviation of the time-gain knobs, dB.
    gain_knobs_db: f32 = 0.8 => 1.99;
    /// Attenuation that time-gain compensation leaves or overdoes, dB/cm.
    gain_slope_db_per_cm: Uniform = uniform(-0.15, 0.15) => uniform(-0.395, 0.255);
    /// Overall gain, dB.
    gain_db: Normal = normal(0.0, 1.5, -3.0, 3.0) => normal(1.4, 3.25, -5.8, 7.9);
    /// Dynamic range of the display, dB.
    dynamic_range_db: Uniform = uniform(56.0, 62.0) => uniform(47.6, 59.2);
    /// Exponent of the display's grey-level curve.
    gamma: Uniform = uniform(0.95, 1.1) => uniform(0.81, 1.31);
    /// Blur of the display, standard deviation in parts of the image's width.
    blur: Uniform = uniform(0.0, 0.3 / 128.0) => uniform(0.14 / 128.0, 0.58 / 128.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_goes_from_source_to_target_and_beyond() {
        assert_eq!(Parameters::at_severity(0.0), Parameters::SOURCE);
        assert_eq!(Parameters::at_severity(1.0), Parameters::TARGET);
        let half = Parameters::at_severity(0.5);
        assert!((half.depth_mm.low - 163.5).abs() < 1e-3);
        assert_eq!(half.dropouts, count(1, 2));
        let beyond = Parameters::at_severity(1.5);
        assert!(beyond.haze_db.high > Parameters::TARGET.haze_db.high);
        assert!(beyond.contraction_es.low > 0.0 && beyond.gamma.low > 0.0 && beyond.blur.low > 0.0);
    }
}
