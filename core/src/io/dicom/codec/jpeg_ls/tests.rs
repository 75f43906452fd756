use super::*;

const ROWS: usize = 6;
const COLUMNS: usize = 40;

/// Streams that CharLS 2.4 wrote of [`sample`]: bits, components, NEAR, and the stream in hexadecimal digits. Those of three
/// components are without interleaving, by line and by sample.
#[rustfmt::skip]
const STREAMS: [(u32, usize, i32, &str); 8] = [
    (8, 1, 0, "ffd8fff7000b080006002801011100ffda00080101000000004bff200000ee80000504cd400000570ecf4fd845eced2d6082e2e6ea4d7b7df657ff78000002ee00000400000285c226466169b1c1c9f4407c7e268b8482535fff7f0d948ca4a8adcc4c0c4433d36375683c285c40000034bbff7fc00000177404244f34a2728295582e25584ccd15b0e40aa7ff7f9d3974f9457e4044a89293132ba5652b31818b1b6fff7f72cdf684e1c9169cfc809b5a2529d8ca8b36c2f1d8ffd9"),
    (8, 1, 2, "ffd8fff7000b080006002801011100ffda00080101000200005ffd000001ac0639200c92493400cb34d0caabae2d95fbe000100200c0430c30f0a5966cb34c3a71c71771538820a241451b28b309a6089e0000005f08dfff7c00173dc65ef2094928e965969c5832dd8d699739c7497907cb2444c28a20fd18b36d6b4ebdee3e53c4cc2054e28580ffd9"),
    (12, 1, 0, "ffd8fff7000b0c0006002801011100ffda00080101000000004083ff2000bea2a6aaaeb2b6babec2c6caced2d6dadee2e6eb0e0c082084210888888889203c2c2d2e32333435363738393a120988e4824928608324924924925540ecb0b4b8b0b4b8bcc0c4c8cc8842219108a46239490aaaaaaaaaa074585a5c4e5052545658427b7c7d7e7f20104845440aaaaaff41c9616971212931394109d1d5d9dde1e4e8ecf0ac83ff7fc1c161697111192100a8acb0b4b8bcc0c4c8ccd0b0ffd9"),
    (16, 1, 0, "ffd8fff7000b100006002801011100fff8000d01ffff0012004301140040ffda0008010100000000400803ff2e3f14653956af59add76bf61b1f2f3f4f5f6f7f8f9fac038030020080201008040202020202020202020408011e22c45a972324669a26ab65bae172ba48891923a90a4a949410060408102040810204081020408208208023b4b15aae562b55cdee0e2e4e691184c3623158cc74a4805041041041041041041041041041004e958ad5733b434b535b6284bb5e2f57cfe4020909544008208208208208208421084210804e558ad6e6465666768509d1d5d9dde1e5e9edf1564010842108421084210842108402e1b1b5b9898d91406a6b6c6d6e6f70717273745600ffd9"),
    (8, 3, 0, "ffd8fff70011080006002803011100021100031100ffda00080101000000004bff200000ee80000504cd400000570ecf4fd845eced2d6082e2e6ea4d7b7df657ff78000002ee00000400000285c226466169b1c1c9f4407c7e268b8482535fff7f0d948ca4a8adcc4c0c4433d36375683c285c40000034bbff7fc00000177404244f34a2728295582e25584ccd15b0e40aa7ff7f9d3974f9457e4044a89293132ba5652b31818b1b6fff7f72cdf684e1c9169cfc809b5a2529d8ca8b36c2f1d8ffda0008010200000000ff60001c0000057842c6caced2d6dade00000304eaeef2f6fafe5d2291c4657fff400000177000001651435000000b8070e8ec41381008451120989d6d15952000003d1bff7fc365a5c549333420d54e4e9d80fca1691215ae43b4ff7ff3a79a11616972a81992ab27072ac87c59b688cd7fff7800000bb7c252622d20acb09b543129d74d8dd5a0c16e302fff7f0000005dff1011e884a4c4fa815956b2605bb11a986d674620ffda0008010300000000ff60000035a000002d82f71737577000001847d7f2090c8a472f9349e692a95c4195ff7f0000005dc000005c8260000017b7e21978904a299d8a85f6417956da342dc000007a37ff7f8000005d900e0e4854c3e3f255604850b08a4ad6a17172e61127ff7f86cc4cc8749383925d54f8a35e1195ece282edc05a6bff7fdd149069062664ca91c14ab67a58b2088bd6d315cccebfff7dcbf524a4ac95513329d60e4b3613e2fda8c770139a40ffd9"),
    (8, 3, 0, "ffd8fff70011080006002803011100021100031100ffda000c030100020003000001004bff200000ee80000504cd400000570ecf4fd845eced2d6082e2e6ea4d7b7dff63ba0a1a2a3a4a5a6a7a8beabacadaeafb095d9da7ff0376de3c7af7f2f7fd0d451d252caaa2aa5f5b5df657ff78000002ee00000400000285c226466169b1c1c9f4407c7e268b848253083fff7e1b292a2b379698189fce4d8dc4f653c26db84253800000f4083fff7e74ef452b2c7fa8989911eba6e4db31e14ede212cc6785fff7ee4a8ae5d3b75320217faf9313ab51613ae6356ff7ff70d1aaa43a7842aa10912af93946d05857b88ed3fff7c000005dbeb67045a4bd7e4daa9214ebc5259b39717ee010aff7ff0000005de44ca1ea92b98316aedc97607af9b5920d57fff7b77dfd58b9834c6a4eaabb7ad8088bb692727ff7fdb2a584aa1326852a7392c55df17ac04864b494b7fff7daa4c5ff4246948f4e6dd27d689156c660d376fff7fc6be1250934469c28d40915eb25ccb64325a8befff7fb44495fed3a55a4932dd48c986b678cf6435da8cafff7fb35e85fa8624aa4aec14aaaf162bc50bd6732597ff7fc000001778e04ba02cc14e98e966aa4cbf5e3265b39e2fbfff7ec88f4049529d21d2e53ca18ab068d1613659c4cca0ffd9"),
    (8, 3, 0, "ffd8fff70011080006002803011100021100031100ffda000c0301000200030000020059597fd00000779c02f00000a0e8a4bced9d3565940000057165952d5d8d2555851d4c2347535f6d535f457d5f45515d434f5b00000181515b414d2ca0a6acff25ab91ca65f414d5b414d59f042cafff7fff7fff7fca000001771b3a000001048000002e06ecc15139a1d169bdd168b4415c683036b53b1b1fde178e451606c3c3eb73d0804f2db233194cce4fc8d4ca95c0de6e363c111a94eb36000001e819e169ff7fff7fff7fff77270000001765f084447a46d9d1b62490bbbd262fc4a512153392a12fd1015c8344505d551fa602fbe242b551abda4d06722282e28d5ebb72389c06a3b0855fff7fff7fff7ffcc000005ddb9b247be29880d13ae237cf02392593858fa5a4e27ef6c51699f8ae562b747459267c222fb5cee6230b87e4ad72c56b351a5e11140d49bfff7fff7fff7fff5a86ad127c25459093ff58824124fa9110828d9528fe12c9a51aac940b5d9129942ad68b45930502c5c2b583e626cd50ca642c64b576b351dabe657fff7fff7fff7ffe598000005dd92f851e838905f497aa3406105ca749e4924929d154985cdde2794ab15cac5531784cb058af5c2f978d144c184bd64b55a4d0672c744cb25f3280ffd9"),
    (8, 3, 3, "ffd8fff70011080006002803011100021100031100ffda000c030100020003000302003a77fe800000c28161818eb5bdad00dab6a5ef5bde9696d5b5ef6a497a566b56d00002f7a566a56d6b5e5aa001a56b4b497255e4414501008037b8c30829c490c38d71021120861329cc2ee21c4c821c5d9738f38a2975d92040810514532ec000000c03e15b98419a14518ae95cb2aa42d4298555cc328530ab18e59438e314cb2dbcf3ca63196dd204080814e6851444279497562a9e28b23a94630ca396aea6986710d32c5356f9c714855d75e79e431ce4e841854a1510ba74924be429954cab8b2ccf530dd630cb686987739c6d48717f9c794fbf79e22e3d90a20898aa714497d12d332be5966522cde461b6d9a61dccd36e91a71f6671d7c8bcf3cc4338f100ffd9"),
];

/// Half of each line is flat, half is not.
fn sample(y: usize, x: usize, component: usize, bits: u32) -> u16 {
    let values = 1_usize << bits;
    match (y, x, component) {
        (0, 0, 0) => (values - 1) as u16,
        (_, 0..20, _) => y as u16,
        _ => ((x * x + 3 * y * x + 7 * component * x) % values) as u16,
    }
}

fn stream(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn streams_of_another_encoder_give_what_went_in() {
    for (bits, components, near, digits) in STREAMS {
        let decoded = decode(&stream(digits), ROWS * COLUMNS * components).unwrap();
        assert_eq!((decoded.rows, decoded.columns, decoded.components), (ROWS, COLUMNS, components));
        for (index, &found) in decoded.samples.iter().enumerate() {
            let pixel = index / components;
            let expected = sample(pixel / COLUMNS, pixel % COLUMNS, index % components, bits);
            let off = i32::from(found) - i32::from(expected);
            assert!(off.abs() <= near, "{bits} bits, {components} components, sample {index}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_stream_cut_short_anywhere_is_refused() {
    for (_, components, _, digits) in STREAMS {
        let whole = stream(digits);
        // The marker EOI, two bytes, is not needed.
        for len in 0..whole.len() - 2 {
            assert!(decode(&whole[..len], ROWS * COLUMNS * components).is_err(), "{len} of {}", whole.len());
        }
    }
}

#[test]
fn damage_is_never_more_than_an_error() {
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (_, components, _, digits) in STREAMS {
        let whole = stream(digits);
        for _ in 0..2000 {
            let mut damaged = whole.clone();
            for _ in 0..=draw(3) {
                let at = draw(damaged.len());
                damaged[at] = draw(256) as u8;
            }
            let _ = decode(&damaged, ROWS * COLUMNS * components);
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let plain = stream(STREAMS[0].3);
    let with = |segment: &[u8]| decode(&[&plain[..2], segment, &plain[2..]].concat(), ROWS * COLUMNS).unwrap_err();
    assert!(with(b"\xff\xe8\x00\x07mrfx\x01").contains("mrfx"));
    assert!(with(b"\xff\xf8\x00\x05\x02\x01\x01").contains("mapping tables"));
    assert!(with(b"\xff\xc0\x00\x02").contains("a JPEG stream"));
    assert!(decode(&plain, 7).unwrap_err().contains("expected 7 in all"));
    assert!(decode(b"\xff\xd8", 1).is_err());
}
