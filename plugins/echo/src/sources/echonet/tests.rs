use std::fs;

use rl4seg_sdk::conformance;

use super::*;

/// 16 x 16 pixels, 8 x + 4 y + 20 grey: by itself, and as red beside half of it as green and 255 less it as blue.
const GREY: &[u8] = include_bytes!("grey.jpg");
const COLOUR: &[u8] = include_bytes!("colour.jpg");

fn ramp(y: usize, x: usize) -> f32 {
    (8 * x + 4 * y + 20) as f32
}

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [id, &(data.len() as u32).to_le_bytes()[..], data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn list(id: &[u8; 4], kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(id, &[kind, chunks.concat().as_slice()].concat())
}

/// What follows the header of a stream: size, width, height, planes and bits, compression, and six more numbers.
fn format(shape: [i32; 2], bits: u32, compression: &[u8; 4], palette: &[u8]) -> Vec<u8> {
    let numbers = [40, shape[1] as u32, shape[0] as u32, 1 | bits << 16, u32::from_le_bytes(*compression)];
    let numbers = numbers.into_iter().chain([0, 0, 0, (palette.len() / 4) as u32, 0]);
    numbers.flat_map(u32::to_le_bytes).chain(palette.iter().copied()).collect()
}

/// A file with sound as stream 0 and video as stream 1.
fn avi(format: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    let sound = list(b"LIST", b"strl", &[chunk(b"strh", b"auds"), chunk(b"strf", &[0; 16])]);
    let video = list(b"LIST", b"strl", &[chunk(b"strh", b"vidsMJPG"), chunk(b"strf", format)]);
    let header = list(b"LIST", b"hdrl", &[chunk(b"avih", &[0; 56]), sound, video]);
    list(b"RIFF", b"AVI ", &[header, list(b"LIST", b"movi", frames), chunk(b"idx1", &[])])
}

fn jpegs(frames: &[&[u8]]) -> Vec<u8> {
    let frames: Vec<Vec<u8>> = frames.iter().map(|frame| chunk(b"01dc", frame)).collect();
    avi(&format([16, 16], 24, b"MJPG", &[]), &frames)
}

const LIST: &str = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\n";
const TRACINGS: &str = "FileName,X1,Y1,X2,Y2,Frame\n";

/// The long axis from row 2 to row 12 and ten chords, each `width` wide.
fn traced(video: &str, frame: usize, width: f64) -> String {
    let lines =
        (0..10).map(|disc| (8.0 - width / 2.0, 2.5 + f64::from(disc), 8.0 + width / 2.0, 2.5 + f64::from(disc)));
    let axis = (8.0, 2.0, 8.0, 12.0);
    let row = |(x1, y1, x2, y2): (f64, f64, f64, f64)| format!("{video}.avi,{x1},{y1},{x2},{y2},{frame}\n");
    std::iter::once(axis).chain(lines).map(row).collect()
}

/// Two videos of three frames; of `A` the frames 0 and 2 are traced, with volumes of 1 to 0.5625.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("Videos")).unwrap();
    write(&folder, "FileList.csv", format!("{LIST}A,43.75,45,80,600,800,50,3,TRAIN\nB,60,40,100,600,800,50,3,TEST\n"));
    write(&folder, "VolumeTracings.csv", [TRACINGS, &traced("A", 0, 8.0), &traced("A", 2, 6.0)].concat());
    write(&folder, "Videos/A.avi", jpegs(&[GREY, &[], COLOUR]));
    write(&folder, "Videos/B.avi", jpegs(&[GREY]));
    folder
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(folder.path().join(name), bytes).unwrap();
}

fn open(folder: &tempfile::TempDir, more: &str) -> Result<EchonetDynamic> {
    let json = format!(r#"{{ "root": {:?}, "spacing_mm": [1.0, 1.0] {more} }}"#, folder.path());
    EchonetDynamic::new(serde_json::from_str(&json).unwrap())
}

fn refusal(folder: &tempfile::TempDir, more: &str) -> String {
    open(folder, more).err().unwrap().to_string()
}

fn video(bytes: &[u8]) -> std::result::Result<Video, rl4seg_sdk::io::IoError> {
    Video::of(Path::new("x.avi"), bytes.to_vec())
}

#[test]
fn a_traced_frame_is_a_case_without_a_reference() {
    let folder = folder();
    let source = open(&folder, "").unwrap();
    let cases = source.cases().unwrap();
    let told: Vec<_> =
        cases.iter().map(|case| (case.id.as_str(), case.group.as_str(), case.split, case.has_reference)).collect();
    assert_eq!(told, [("A_frame000", "A", Some(Split::Train), false), ("A_frame002", "A", Some(Split::Train), false)]);
    conformance::check_data_source(&source).unwrap();
}

#[test]
fn where_it_is_asked_for_the_tracing_is_the_reference_of_the_cavity() {
    let folder = folder();
    let source = open(&folder, r#", "cavity_only": true"#).unwrap();
    conformance::check_data_source(&source).unwrap();
    let map = source.reference(&CaseId("A_frame000".to_owned())).unwrap().unwrap();
    let rows: Vec<usize> = map.labels().chunks(16).map(|row| row.iter().filter(|&&label| label == 1).count()).collect();
    // Chords lie at 2.5 to 11.5, from column 4 up to column 12.
    assert_eq!(rows, [0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0]);
    assert!(map.labels().iter().all(|&label| label <= 1));
}

#[test]
fn jpeg_gives_grey_values_of_grey_and_of_colours() {
    let folder = folder();
    let source = open(&folder, "").unwrap();
    let grey = source.image(&CaseId("A_frame000".to_owned())).unwrap();
    let colour = source.image(&CaseId("A_frame002".to_owned())).unwrap();
    for y in 0..16 {
        for x in 0..16 {
            let at = 16 * y + x;
            assert!((grey.values()[at] * 255.0 - ramp(y, x)).abs() <= 3.0, "{y} {x}");
            let (red, green, blue) = (ramp(y, x), (ramp(y, x) / 2.0).floor(), 255.0 - ramp(y, x));
            let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
            assert!((colour.values()[at] * 255.0 - luma).abs() <= 3.0, "{y} {x}");
        }
    }
}

#[test]
fn an_empty_frame_shows_the_one_before_it_again() {
    let found = video(&jpegs(&[GREY, &[], COLOUR])).unwrap();
    assert_eq!(frame::grey(&found, 1).unwrap(), frame::grey(&found, 0).unwrap());
    assert_ne!(frame::grey(&found, 2).unwrap(), frame::grey(&found, 0).unwrap());
    assert!(frame::grey(&found, 3).unwrap_err().to_string().contains("there is no frame 3; the video has 3"));
    assert!(frame::grey(&video(&jpegs(&[&[], GREY])).unwrap(), 0).unwrap_err().to_string().contains("are empty"));
}

#[test]
fn motion_jpeg_may_leave_out_the_usual_huffman_tables() {
    let mut without = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
    without.extend(b"AVI1\0\0\0\0\0\0\0\0\0\0");
    let mut at = 2;
    // Each segment but the last, which the picture follows, has two bytes of marker and two of length.
    while GREY[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([GREY[at + 2], GREY[at + 3]]));
        if ![0xc4, 0xe0].contains(&GREY[at + 1]) {
            without.extend(&GREY[at..end]);
        }
        at = end;
    }
    without.extend(&GREY[at..]);
    let found = video(&jpegs(&[GREY, &without])).unwrap();
    assert_eq!(frame::grey(&found, 1).unwrap(), frame::grey(&found, 0).unwrap());
}

#[test]
fn a_picture_that_is_cut_short_is_refused() {
    for len in 0..GREY.len() - 2 {
        let found = video(&jpegs(&[GREY, &GREY[..len]])).unwrap();
        // Nothing at all shows the frame before.
        assert_eq!(frame::grey(&found, 1).is_ok(), len == 0, "{len} of {} bytes", GREY.len());
    }
}

#[test]
fn bitmaps_are_read_from_the_lowest_row_up_unless_they_say_otherwise() {
    let palette: Vec<u8> = (0..=255_u8).flat_map(|index| [255 - index, 255 - index, 255 - index, 0]).collect();
    let eight = |height| {
        let frame = chunk(b"01db", &[1, 2, 3, 0, 4, 5, 6, 0]);
        let found = video(&avi(&format([height, 3], 8, &[0; 4], &palette), &[frame])).unwrap();
        frame::grey(&found, 0).unwrap()
    };
    assert_eq!(eight(2), [251, 250, 249, 254, 253, 252]);
    assert_eq!(eight(-2), [254, 253, 252, 251, 250, 249]);
    let nested = list(b"LIST", b"rec ", &[chunk(b"01db", &[0, 0, 255, 255, 0, 0, 0, 0])]);
    let found = video(&avi(&format([1, 2], 24, b"DIB ", &[]), &[chunk(b"00wb", &[7; 5]), nested])).unwrap();
    assert_eq!(frame::grey(&found, 0).unwrap(), [76, 29]);
}

#[test]
fn frames_that_cannot_be_read_are_refused_with_the_reason() {
    let refused = |format: Vec<u8>, frame: &[u8]| {
        frame::grey(&video(&avi(&format, &[chunk(b"01dc", frame)])).unwrap(), 0).unwrap_err().to_string()
    };
    let error = refused(format([16, 16], 24, b"XVID", &[]), GREY);
    assert!(error.contains("`XVID`") && error.contains("ffmpeg"), "{error}");
    assert!(refused(format([8, 16], 24, b"MJPG", &[]), GREY).contains("frame 0"));
    assert!(refused(format([32, 32], 24, b"MJPG", &[]), GREY).contains("[16, 16]"));
    assert!(refused(format([2, 2], 8, &[0; 4], &[0; 8]), &[0, 2, 0, 0, 0, 0, 0, 0]).contains("palette"));
    assert!(refused(format([2, 2], 24, &[0; 4], &[]), &[0; 12]).contains("12 bytes"));
    assert!(refused(format([i32::MAX, i32::MAX], 24, &[0; 4], &[]), &[0; 12]).contains("12 bytes"));
    // A header that claims 65 500 x 65 500 pixels, in the three bytes after each start of a frame's description.
    let at = GREY.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let mut huge = GREY.to_vec();
    huge[at + 5..at + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let error = refused(format([65_500, 65_500], 24, b"MJPG", &[]), &huge);
    assert!(error.contains("cannot hold"), "{error}");
}

#[test]
fn a_file_that_is_no_whole_video_is_refused() {
    let whole = jpegs(&[GREY, COLOUR]);
    for len in 0..whole.len() {
        assert!(video(&whole[..len]).is_err(), "{len} bytes");
    }
    assert!(video(&[&whole[..], b"what follows"].concat()).is_ok());
    assert!(video(&list(b"RIFF", b"WAVE", &[])).unwrap_err().to_string().contains("another kind"));
    assert!(video(&list(b"RIFF", b"AVI ", &[])).unwrap_err().to_string().contains("has no video"));
    assert!(video(&jpegs(&[])).unwrap_err().to_string().contains("none with a frame"));
    assert!(video(&avi(&[40; 20], &[])).unwrap_err().to_string().contains("the format is cut short"));
    assert!(video(&avi(&format([0, 16], 24, b"MJPG", &[]), &[])).unwrap_err().to_string().contains("strf"));
}

#[test]
fn a_damaged_file_is_an_error_or_another_picture_and_never_a_panic() {
    let whole = jpegs(&[GREY, COLOUR]);
    for at in 0..whole.len() {
        for value in [0, 0x7f, 0x80, 0xff, whole[at] ^ 1] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            if let Ok(found) = video(&damaged) {
                for index in 0..2 {
                    let _ = frame::grey(&found, index).map(|grey| assert!(grey.len() <= 1 << 20));
                }
            }
        }
    }
}

#[test]
fn volumes_that_contradict_the_ejection_fraction_are_refused_with_both() {
    let folder = folder();
    write(&folder, "VolumeTracings.csv", [TRACINGS, &traced("A", 0, 8.0), &traced("A", 2, 7.5)].concat());
    let error = refusal(&folder, "");
    for part in ["1 of 1 videos", "A: ", "0.879", "0.562", "check_volumes = false"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(open(&folder, r#", "check_volumes": false"#).is_ok());
    write(&folder, "FileList.csv", format!("{LIST}A,43.75,70,80,600,800,50,3,TRAIN\n"));
    let error = refusal(&folder, "");
    assert!(error.contains("column EF: `43.75`") && error.contains("12.5 %"), "{error}");
}

#[test]
fn tables_that_do_not_fit_are_refused_with_their_place() {
    let folder = folder();
    let tracings = |text: &str| {
        write(&folder, "VolumeTracings.csv", [TRACINGS, text].concat());
        refusal(&folder, "")
    };
    assert!(tracings(&traced("C", 0, 8.0)).contains("FileList.csv does not list it"));
    assert!(tracings(&traced("A", 3, 8.0)).contains("A, frame 3"));
    assert!(tracings("A.avi,8,2,8,12,0\nA.avi,4,3,12,3,0\n").contains("2 lines"));
    assert!(tracings("A.avi,8,2,8,inf,0\n").contains("column Y2: `inf`"));
    assert!(tracings("A.avi,8,2,8,3,0.5\n").contains("column Frame: `0.5`"));
    assert!(tracings("../A.avi,8,2,8,3,0\n").contains("a name within the folder"));
    assert!(tracings("").contains("there is no case"));
    write(&folder, "VolumeTracings.csv", [TRACINGS, &traced("A", 0, 8.0)].concat());
    let listed = |rows: &str| {
        write(&folder, "FileList.csv", [LIST, rows].concat());
        refusal(&folder, "")
    };
    assert!(listed("A,43.75,45,80,600,800,50,3,train\n").contains("column Split: `train`"));
    assert!(listed("A,,45,80,600,800,50,3,TRAIN\n").contains("column EF"));
    assert!(listed("A,43.75,45,80,1,1,50,3,VAL\nA,43.75,45,80,1,1,50,3,VAL\n").contains("every video once"));
    write(&folder, "FileList.csv", format!("{LIST}A,43.75,45,80,600,800,50,3,TRAIN\n"));
    fs::remove_file(folder.path().join("Videos/A.avi")).unwrap();
    assert!(refusal(&folder, "").contains("A.avi: there is no such file"));
}

#[test]
fn a_spacing_must_be_given() {
    let folder = folder();
    let without = format!(r#"{{ "root": {:?} }}"#, folder.path());
    assert!(serde_json::from_str::<EchonetDynamicConfig>(&without).unwrap_err().to_string().contains("spacing_mm"));
    let zero = format!(r#"{{ "root": {:?}, "spacing_mm": [0.0, 1.0] }}"#, folder.path());
    assert!(EchonetDynamic::new(serde_json::from_str(&zero).unwrap()).is_err());
}
