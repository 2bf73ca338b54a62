//! Scans and images: real minimal containers around bytes that compress like the real thing.
//!
//! A JPEG or PDF holds entropy-coded data, which no compressor shrinks; a 16-bit image is a smooth field
//! with a little noise, which a good filter shrinks by half. Never: a picture of anything.

use super::Seeded;
use super::names::Patient;

/// A JPEG (ITU-T T.81) of about `length` bytes: valid markers, entropy data that decodes to noise or not at
/// all.
pub fn jpeg(random: &mut Seeded, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 700);
    out.extend(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\xc8\x00\xc8\x00\x00");
    out.extend(b"\xff\xdb\x00\x43\x00");
    out.extend((0..64u8).map(|i| 8 + i / 2));
    // Baseline, 8 bits, 2338 × 1654 (A4 at 200 dpi), one component.
    out.extend(b"\xff\xc0\x00\x0b\x08\x09\x22\x06\x76\x01\x01\x11\x00");
    for class in [0x00u8, 0x10] {
        // Twelve codes of eight bits: short, and valid.
        out.extend(b"\xff\xc4\x00\x1f");
        out.push(class);
        out.extend([0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(0..12u8);
    }
    out.extend(b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00");
    let start = out.len();
    out.resize(start + length, 0);
    random.fill(&mut out[start..]);
    // 0xFF begins a marker: entropy data may not hold it bare.
    out[start..].iter_mut().filter(|byte| **byte == 0xff).for_each(|byte| *byte = 0x7f);
    out.extend(b"\xff\xd9");
    out
}

/// A PDF 1.4 of one page that shows one JPEG, with a correct cross-reference table.
pub fn pdf(random: &mut Seeded, length: usize) -> Vec<u8> {
    let picture = jpeg(random, length);
    let content = b"q 595 0 0 842 0 0 cm /Im0 Do Q";
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::new();
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</Im0 5 0 R>>>>>>";
    for (number, dictionary) in
        ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page].iter().enumerate()
    {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n{dictionary}\nendobj\n", number + 1).bytes());
    }
    let image = format!(
        "<</Type/XObject/Subtype/Image/Width 1654/Height 2338/ColorSpace/DeviceGray/BitsPerComponent 8\
         /Filter/DCTDecode/Length {}>>",
        picture.len()
    );
    let text = format!("<</Length {}>>", content.len());
    for (number, dictionary, stream) in [(4, text, &content[..]), (5, image, &picture[..])] {
        offsets.push(out.len());
        out.extend(format!("{number} 0 obj\n{dictionary}\nstream\n").bytes());
        out.extend(stream);
        out.extend(b"\nendstream\nendobj\n");
    }
    let table = out.len();
    out.extend(b"xref\n0 6\n0000000000 65535 f \n");
    offsets.iter().for_each(|offset| out.extend(format!("{offset:010} 00000 n \n").bytes()));
    out.extend(format!("trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// A DICOM Part 10 file (PS3.10 §7), explicit VR little endian, uncompressed: 12 bits stored in 16.
pub fn dicom(random: &mut Seeded, patient: &Patient, number: u32, side: u16) -> Vec<u8> {
    /// CT Image Storage, PS3.4 annex B.5.
    const CLASS: &str = "1.2.840.10008.5.1.4.1.1.2";
    // 2.25 is the arc for UIDs anybody may make (PS3.5 annex B.2).
    let series = format!("2.25.{}", u64::from(patient.number) + 1_000_000);
    let instance = format!("{series}.{number}");

    let mut meta = Vec::new();
    element(&mut meta, 0x0002, 0x0001, "OB", &[0, 1]);
    element(&mut meta, 0x0002, 0x0002, "UI", CLASS.as_bytes());
    element(&mut meta, 0x0002, 0x0003, "UI", instance.as_bytes());
    element(&mut meta, 0x0002, 0x0010, "UI", b"1.2.840.10008.1.2.1");
    element(&mut meta, 0x0002, 0x0012, "UI", b"2.25.1");

    let mut out = vec![0; 128];
    out.extend(b"DICM");
    element(&mut out, 0x0002, 0x0000, "UL", &(meta.len() as u32).to_le_bytes());
    out.extend(meta);
    let name = format!("{}^{}", patient.family, patient.given);
    let patient_id = format!("CAB{:06}", patient.number);
    element(&mut out, 0x0008, 0x0005, "CS", b"ISO_IR 192");
    element(&mut out, 0x0008, 0x0016, "UI", CLASS.as_bytes());
    element(&mut out, 0x0008, 0x0018, "UI", instance.as_bytes());
    element(&mut out, 0x0008, 0x0020, "DA", b"20250106");
    element(&mut out, 0x0008, 0x0060, "CS", b"CT");
    element(&mut out, 0x0010, 0x0010, "PN", name.as_bytes());
    element(&mut out, 0x0010, 0x0020, "LO", patient_id.as_bytes());
    element(&mut out, 0x0010, 0x0030, "DA", patient.birth.as_bytes());
    element(&mut out, 0x0020, 0x000d, "UI", series.as_bytes());
    element(&mut out, 0x0020, 0x000e, "UI", format!("{series}.0").as_bytes());
    element(&mut out, 0x0020, 0x0013, "IS", number.to_string().as_bytes());
    element(&mut out, 0x0028, 0x0002, "US", &1u16.to_le_bytes());
    element(&mut out, 0x0028, 0x0004, "CS", b"MONOCHROME2");
    for (tag, value) in
        [(0x0010, side), (0x0011, side), (0x0100, 16), (0x0101, 12), (0x0102, 11), (0x0103, 0)]
    {
        element(&mut out, 0x0028, tag, "US", &value.to_le_bytes());
    }
    element(&mut out, 0x7fe0, 0x0010, "OW", &pixels(random, side));
    out
}

/// One data element, explicit VR little endian (PS3.5 §7.1.2), padded to an even length.
fn element(out: &mut Vec<u8>, group: u16, tag: u16, vr: &str, value: &[u8]) {
    let padding: &[u8] = match (value.len().is_multiple_of(2), vr) {
        (true, _) => b"",
        (false, "UI" | "OB" | "OW") => b"\0",
        (false, _) => b" ",
    };
    let length = value.len() + padding.len();
    out.extend(group.to_le_bytes());
    out.extend(tag.to_le_bytes());
    out.extend(vr.as_bytes());
    if matches!(vr, "OB" | "OW") {
        out.extend([0, 0]);
        out.extend((length as u32).to_le_bytes());
    } else {
        out.extend((length as u16).to_le_bytes());
    }
    out.extend(value);
    out.extend(padding);
}

/// A smooth field of a few broad bumps with noise of a few units, 12 bits, little endian.
fn pixels(random: &mut Seeded, side: u16) -> Vec<u8> {
    let side = i64::from(side);
    // Integers only: floating-point functions may round differently on another machine.
    let bumps: Vec<(i64, i64, i64)> = (0..5)
        .map(|_| {
            let mut at = || random.below(side as u64) as i64;
            let (x, y) = (at(), at());
            (x, y, 80 + random.below(280) as i64)
        })
        .collect();
    let reach = side * side / 6 + 1;
    let mut out = Vec::with_capacity((side * side * 2) as usize);
    for y in 0..side {
        // One bump per row would repeat: distances are taken in both directions.
        for x in 0..side {
            let mut value = 300 + x / 6;
            for &(bx, by, height) in &bumps {
                let distance = (x - bx) * (x - bx) + (y - by) * (y - by);
                value += height * reach / (reach + 4 * distance);
            }
            let bits = random.next_u64();
            // The sum of two dice: noise with a peak in the middle.
            let noise = ((bits & 31) * 3 / 4) as i64 + ((bits >> 5 & 31) * 3 / 4) as i64 - 23;
            out.extend(((value + noise).clamp(0, 4095) as u16).to_le_bytes());
        }
    }
    out
}
