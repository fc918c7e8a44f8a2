//! DICOM files (PS3.10, explicit VR little endian) of a made-up examination, as a scanner would send them.

/// Pixels of an image's side.
const SIDE: u16 = 256;
/// Secondary Capture Image Storage.
const CLASS: &str = "1.2.840.10008.5.1.4.1.1.7";
const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// The root of UIDs made from a UUID; what follows only has to differ.
const ROOT: &str = "2.25.4157202";
/// Who was examined.
pub const PATIENT: &str = "山田^花子";

/// Image number `number` of the series: a gradient with a bright square that lies elsewhere on each.
pub fn image(number: u16) -> Vec<u8> {
    let instance = format!("{ROOT}.3.{number}");
    let mut meta = Elements::default();
    meta.long(0x0002, 0x0001, b"OB", &[0, 1]);
    meta.text(0x0002, 0x0002, b"UI", CLASS);
    meta.text(0x0002, 0x0003, b"UI", &instance);
    meta.text(0x0002, 0x0010, b"UI", EXPLICIT_LITTLE_ENDIAN);
    meta.text(0x0002, 0x0012, b"UI", ROOT);
    let mut head = Elements::default();
    let length = u32::try_from(meta.0.len()).unwrap_or_default();
    head.short(0x0002, 0x0000, b"UL", &length.to_le_bytes());
    [vec![0; 128], b"DICM".to_vec(), head.0, meta.0, data(number, &instance).0].concat()
}

fn data(number: u16, instance: &str) -> Elements {
    let mut all = Elements::default();
    all.text(0x0008, 0x0005, b"CS", "ISO_IR 192");
    all.text(0x0008, 0x0016, b"UI", CLASS);
    all.text(0x0008, 0x0018, b"UI", instance);
    all.text(0x0008, 0x0060, b"CS", "OT");
    all.text(0x0008, 0x1030, b"LO", "胸部CT");
    all.text(0x0010, 0x0010, b"PN", PATIENT);
    all.text(0x0010, 0x0020, b"LO", "4711");
    all.text(0x0020, 0x000d, b"UI", &format!("{ROOT}.1"));
    all.text(0x0020, 0x000e, b"UI", &format!("{ROOT}.2"));
    all.text(0x0020, 0x0013, b"IS", &number.to_string());
    for (element, value) in [(0x0002, 1), (0x0010, SIDE), (0x0011, SIDE), (0x0100, 16), (0x0101, 12), (0x0102, 11)] {
        if element == 0x0010 {
            all.text(0x0028, 0x0004, b"CS", "MONOCHROME2");
        }
        all.short(0x0028, element, b"US", &u16::to_le_bytes(value));
    }
    all.short(0x0028, 0x0103, b"US", &[0, 0]);
    all.text(0x0028, 0x1050, b"DS", "2048");
    all.text(0x0028, 0x1051, b"DS", "4096");
    all.long(0x7fe0, 0x0010, b"OW", &pixels(number));
    all
}

fn pixels(number: u16) -> Vec<u8> {
    let square = |x: u16, y: u16| x / 32 == number && (96..160).contains(&y);
    let value = |x: u16, y: u16| if square(x, y) { 4095 } else { (x + y) * 6 };
    (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| value(x, y).to_le_bytes())).collect()
}

/// Data elements, one after the other.
#[derive(Default)]
struct Elements(Vec<u8>);

impl Elements {
    fn tag(&mut self, group: u16, element: u16, kind: &[u8; 2]) {
        self.0.extend(group.to_le_bytes());
        self.0.extend(element.to_le_bytes());
        self.0.extend(kind);
    }

    /// An element whose length is two bytes long.
    fn short(&mut self, group: u16, element: u16, kind: &[u8; 2], value: &[u8]) {
        self.tag(group, element, kind);
        self.0.extend(u16::try_from(value.len()).unwrap_or_default().to_le_bytes());
        self.0.extend(value);
    }

    /// An element whose length is four bytes long.
    fn long(&mut self, group: u16, element: u16, kind: &[u8; 2], value: &[u8]) {
        self.tag(group, element, kind);
        self.0.extend([0, 0]);
        self.0.extend(u32::try_from(value.len()).unwrap_or_default().to_le_bytes());
        self.0.extend(value);
    }

    /// Text, padded to an even length as its kind wants it.
    fn text(&mut self, group: u16, element: u16, kind: &[u8; 2], value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if kind == b"UI" { 0 } else { b' ' });
        }
        self.short(group, element, kind, &bytes);
    }
}
