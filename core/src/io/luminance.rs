/// The luminance of red, green and blue (ITU-R BT.601). Grey stays exactly what it is.
pub(super) fn luminance([red, green, blue]: [f32; 3]) -> f32 {
    if red == green && green == blue { red } else { 0.299 * red + 0.587 * green + 0.114 * blue }
}
