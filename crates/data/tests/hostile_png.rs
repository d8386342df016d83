//! PNG files that are not what they say they are, and the pictures that they hold when they are.

use flate2::Crc;
use gibbsian_data::{Images, decode_png, read_png};
use png::{BitDepth, ColorType, Encoder};
use proptest::prelude::*;

fn decode(bytes: &[u8]) -> gibbsian_core::Result<Images> {
    decode_png("the-file", bytes)
}

#[track_caller]
fn assert_refused(bytes: &[u8], words: &[&str]) {
    let message = match decode(bytes) {
        Ok(picture) => panic!("accepted as {picture:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.starts_with("the-file: found "), "{message}");
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

/// A file that another program's encoder would write.
fn encoded(width: u32, height: u32, colour: ColorType, depth: BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 255, 255]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

fn grey(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    encoded(width, height, ColorType::Grayscale, BitDepth::Eight, pixels)
}

/// A chunk with the right checksum.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], name, data, &crc.sum().to_be_bytes()].concat()
}

/// A valid file with its header's fields from byte `at` on replaced, and the checksum put right.
fn with_header(at: usize, field: &[u8]) -> Vec<u8> {
    let bytes = valid();
    let mut header = bytes[16..29].to_vec();
    header[at..at + field.len()].copy_from_slice(field);
    [&bytes[..8], &chunk(b"IHDR", &header), &bytes[33..]].concat()
}

/// A valid file with a chunk put in after the header.
fn with_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let bytes = valid();
    [&bytes[..33], &chunk(name, data), &bytes[33..]].concat()
}

/// A small valid file, two rows of three pixels.
fn valid() -> Vec<u8> {
    grey(3, 2, &[10, 20, 30, 40, 50, 60])
}

#[test]
fn each_refusal_names_what_was_found_and_what_was_expected() {
    assert_refused(b"", &["another signature", "PNG"]);
    assert_refused(b"GIF89a", &["another signature"]);
    assert_refused(&valid()[..8], &["the end of the file before IEND"]);
    assert_refused(
        &[&valid()[..8], &chunk(b"IDAT", b"")].concat(),
        &["IDAT as the first chunk", "IHDR"],
    );
    assert_refused(
        &[&valid()[..8], &chunk(b"IHDR", &[0; 12])].concat(),
        &["before IEND"],
    );
    let short = [&valid()[..8], &chunk(b"IHDR", &[0; 12]), &chunk(b"IEND", b"")].concat();
    assert_refused(&short, &["12 bytes of IHDR", "13"]);
    assert_refused(&[&valid()[..], b"x"].concat(), &["more bytes after IEND"]);
    assert_refused(&[valid(), valid()].concat(), &["more bytes after IEND"]);
    assert_refused(&with_chunk(b"I\0AT", b""), &["a chunk named", "four letters"]);
    assert_refused(&with_chunk(b"tRNS", &[0, 0]), &["tRNS", "transparent"]);
    assert_refused(
        &with_chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        &["acTL", "still picture"],
    );
    assert_refused(&with_chunk(b"ABCD", b""), &["a critical chunk ABCD"]);
    assert_refused(&with_chunk(b"IHDR", &valid()[16..29]), &["a critical chunk IHDR"]);
    // Whatever else is optional is passed over.
    assert_eq!(
        decode(&with_chunk(b"abCd", b"anything")).unwrap(),
        decode(&valid()).unwrap()
    );
    let bytes = valid();
    assert_refused(
        &[&bytes[..33], &chunk(b"IEND", b"")].concat(),
        &["3 x 2 pixels in 0 compressed bytes"],
    );
}

#[test]
fn headers_that_are_not_read_are_refused() {
    assert_refused(&with_header(0, &[0; 4]), &["0 x 2 pixels", "1 to 16777216"]);
    assert_refused(&with_header(4, &[0; 4]), &["3 x 0 pixels"]);
    assert_refused(&with_header(0, &[255; 8]), &["4294967295 x 4294967295 pixels"]);
    assert_refused(
        &with_header(0, &[0, 0, 16, 1, 0, 0, 16, 0]),
        &["4097 x 4096 pixels"],
    );
    // Allowed in size, but not with so few bytes of data.
    assert_refused(
        &with_header(0, &[0, 0, 16, 0, 0, 0, 16, 0]),
        &["4096 x 4096 pixels in", "1032"],
    );
    for (depth, colour) in [(16, 0), (4, 0), (1, 0), (8, 3), (8, 1), (8, 7), (16, 2), (0, 0)] {
        let words = [&*format!("depth {depth} with colour type {colour}"), "depth 8"];
        assert_refused(&with_header(8, &[depth, colour]), &words);
    }
    for at in [10, 11, 12] {
        assert_refused(&with_header(at, &[1]), &["methods", "method 0"]);
    }
    // More rows than there are data for.
    assert_refused(&with_header(4, &[0, 0, 0, 3]), &["valid PNG"]);
}

#[test]
fn every_truncation_and_every_bit_flip_is_refused() {
    let whole = valid();
    assert!(decode(&whole).is_ok());
    for n in 0..whole.len() {
        assert!(decode(&whole[..n]).is_err(), "{n} bytes");
    }
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn damage_under_a_right_checksum_is_the_decoders_to_refuse() {
    let bytes = valid();
    let idat = 33 + 8;
    let length = u32::from_be_bytes(bytes[33..37].try_into().unwrap()) as usize;
    for at in 0..length {
        let mut data = bytes[idat..idat + length].to_vec();
        data[at] ^= 0x55;
        let spoilt = [&bytes[..33], &chunk(b"IDAT", &data), &chunk(b"IEND", b"")].concat();
        // Either it is refused or it is a picture of the right size; it is never a panic.
        if let Ok(picture) = decode(&spoilt) {
            assert_eq!((picture.height(), picture.width()), (2, 3));
        }
    }
    let half = [
        &bytes[..33],
        &chunk(b"IDAT", &bytes[idat..idat + length / 2]),
        &chunk(b"IEND", b""),
    ]
    .concat();
    assert_refused(&half, &["valid PNG"]);
}

#[test]
fn colours_must_be_grey_and_lie_on_white_paper() {
    let of = |colour, pixels: &[u8]| encoded(2, 1, colour, BitDepth::Eight, pixels);
    let read = |bytes: &[u8]| decode(bytes).unwrap().as_bytes().to_vec();
    assert_eq!(read(&of(ColorType::Rgb, &[7, 7, 7, 200, 200, 200])), [7, 200]);
    // Alpha 255 changes nothing, alpha 0 is white, and half-transparent black is half-way.
    assert_eq!(read(&of(ColorType::GrayscaleAlpha, &[7, 255, 7, 0])), [7, 255]);
    assert_eq!(
        read(&of(ColorType::Rgba, &[0, 0, 0, 128, 100, 100, 100, 51])),
        [127, 224]
    );
    let red = of(ColorType::Rgb, &[7, 7, 7, 9, 7, 7]);
    assert_refused(&red, &["[9, 7, 7] in row 0, column 1", "grey"]);
    assert_refused(&of(ColorType::Indexed, &[0, 1]), &["depth 8 with colour type 3"]);
    let wide = encoded(2, 1, ColorType::Grayscale, BitDepth::Sixteen, &[0; 4]);
    assert_refused(&wide, &["depth 16"]);
}

#[test]
fn files_are_named_by_their_path() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("torn.png");
    std::fs::write(&path, &valid()[..20]).unwrap();
    let message = read_png(&path).unwrap_err().to_string();
    assert!(
        message.contains("torn.png: found the end of the file"),
        "{message}"
    );
    std::fs::write(&path, valid()).unwrap();
    assert_eq!(read_png(&path).unwrap().pixels(0), [10, 20, 30, 40, 50, 60]);
    std::fs::remove_file(&path).unwrap();
    let error = read_png(&path).unwrap_err();
    assert!(matches!(error, gibbsian_core::Error::File { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read(width in 1_u32..20, height in 1_u32..20, seed: u8) {
        let pixels: Vec<u8> = (0..width * height).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let picture = decode(&grey(width, height, &pixels)).unwrap();
        prop_assert_eq!((picture.n(), picture.height(), picture.width()), (1, height as usize, width as usize));
        prop_assert_eq!(picture.as_bytes(), pixels);
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_consistent_picture(
        head: bool, name in "[A-Za-z]{4}", data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let name: [u8; 4] = name.into_bytes().try_into().unwrap();
        let bytes = if head { with_chunk(&name, &data) } else { data };
        if let Ok(picture) = decode(&bytes) {
            prop_assert_eq!(picture.as_bytes().len(), picture.dim());
        }
    }
}
