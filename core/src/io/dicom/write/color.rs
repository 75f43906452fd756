//! Colours as RecommendedDisplayCIELabValue (PS3.3, C.10.7.1.1).

/// sRGB (IEC 61966-2-1) to CIE XYZ relative to D50, the white of the profile connection space.
const TO_XYZ: [[f64; 3]; 3] = [
    [0.436_074_7, 0.385_064_9, 0.143_080_4],
    [0.222_504_5, 0.716_878_6, 0.060_616_9],
    [0.013_932_2, 0.097_104_5, 0.714_173_3],
];
const WHITE: [f64; 3] = [0.964_22, 1.0, 0.825_21];

/// L*, a* and b* of red, green and blue, scaled to 16 bits: L* from 0 to 100, the others from -128 to 127.
pub(super) fn cielab(rgb: [u8; 3]) -> [u16; 3] {
    let linear = rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let xyz = TO_XYZ.map(|row| row.iter().zip(linear).map(|(factor, value)| factor * value).sum::<f64>());
    let [x, y, z] = [0, 1, 2].map(|axis| {
        let share = xyz[axis] / WHITE[axis];
        if share > (6.0_f64 / 29.0).powi(3) { share.cbrt() } else { share * 841.0 / 108.0 + 4.0 / 29.0 }
    });
    let [lightness, a, b] = [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)];
    let scaled = |value: f64| value.round() as u16;
    [scaled(lightness / 100.0 * 65535.0), scaled((a + 128.0) / 255.0 * 65535.0), scaled((b + 128.0) / 255.0 * 65535.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grays_have_no_hue_and_red_is_red() {
        let near = |found: u16, expected: f64| (f64::from(found) - expected).abs() < 60.0;
        let [lightness, a, b] = cielab([255; 3]);
        assert!(lightness > 65500 && near(a, 32896.0) && near(b, 32896.0), "{lightness} {a} {b}");
        // L* 54.29, a* 80.81, b* 69.89 (D50).
        let [lightness, a, b] = cielab([255, 0, 0]);
        assert!(near(lightness, 35579.0) && near(a, 53665.0) && near(b, 50858.0), "{lightness} {a} {b}");
        assert_eq!(cielab([0; 3])[0], 0);
    }
}
