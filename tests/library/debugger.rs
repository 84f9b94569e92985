//! What the script for GDB, `gdb/`, repeats of the crate. It takes offsets from DWARF; names of fields, flags and
//! constants are its own.

const SCRIPT: &str = concat!(include_str!("../../gdb/memory.py"), include_str!("../../gdb/records.py"));
const BAND: &str = include_str!("../../src/records/band.rs");
const BLOCK: &str = include_str!("../../src/records/block/mod.rs");
const CONTEXT: &str = include_str!("../../arch/context.rs");
const CORE: &str = include_str!("../../src/records/core_state/mod.rs");
const FLAGS: &str = include_str!("../../src/records/flags.rs");
const MAIL: &str = include_str!("../../src/records/mail.rs");
const MUTEX: &str = include_str!("../../crates/greenlet-hub/src/mutex.rs");

/// The structs whose fields the script reads, with the texts that define them.
const STRUCTS: [(&str, &str); 7] = [
    ("Block", BLOCK),
    ("Bounds", CONTEXT),
    ("Context", CONTEXT),
    ("Core", CORE),
    ("Number", MAIL),
    ("Held", MUTEX),
    ("Holder", MUTEX),
];

/// Their fields that the script reads, in its words: a path leads through the struct of its first step.
const FIELDS: [(&str, &str); 4] = [
    ("Context", r#""context." + field for field in ("sp", "pc", "frame", "reserved", "link")"#),
    ("Block", r#"others = ["flags", "refs", "bounds.floor", "bounds.reach", "record", "body_or_pin", "next", "name"]"#),
    ("Block", r#"self.number = ["id.word"]"#),
    ("Core", r#""current", "main", "tree")"#),
];

fn has_field(name: &str, field: &str) -> bool {
    let (_, text) = STRUCTS.iter().find(|(known, _)| *known == name).expect("a struct of the list");
    let (_, body) = text.split_once(&format!("struct {name} {{\n")).unwrap_or_else(|| panic!("no struct {name}"));
    let (body, _) = body.split_once("\n}").expect("an end");
    body.lines().any(|line| {
        let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        line.strip_prefix(field).is_some_and(|rest| rest.starts_with(": "))
    })
}

#[test]
fn the_script_has_the_same_parts_from_a_folder_and_from_an_elf_file() {
    let parts = r#""memory.py", "records.py", "tasks.py", "frames.py", "commands.py", "step.py""#;
    assert!(include_str!("../../gdb/greenlet.py").contains(&format!("PARTS = ({parts})")));
    assert!(include_str!("../../build/debugger.rs").contains(&format!("[{parts}]")));
}

#[test]
fn the_script_has_the_words_of_the_report_of_a_hub() {
    let tasks = include_str!("../../gdb/tasks.py");
    let words = include_str!("../../crates/greenlet-hub/src/what.rs").lines();
    let mut count = 0;
    for (kinds, text) in words.filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => ")) {
        for kind in kinds.split(" | Self::") {
            assert!(tasks.contains(&format!("\"{kind}\": {text}")), "gdb/tasks.py has not {text} for {kind}");
            count += 1;
        }
    }
    assert!(count > 10, "no words in what.rs");
    for (name, fields) in [("Held", &["holder"][..]), ("Holder", &["slot", "generation"])] {
        let read = format!("Struct(\"greenlet_hub::mutex::{name}\", \"{}\")", fields.join("\", \""));
        assert!(tasks.contains(&read), "gdb/tasks.py does not read {fields:?} of {name}");
        assert!(fields.iter().all(|field| has_field(name, field)), "{name} has not all of {fields:?}");
    }
}

#[test]
fn the_script_names_fields_that_exist() {
    for (name, words) in FIELDS {
        assert!(SCRIPT.contains(words), "the script in gdb/ reads other fields of {name}: adapt this test, too");
        for path in words.split('"').skip(1).step_by(2) {
            let (name, field) = match path.split_once('.') {
                _ if path == "context." => continue,
                Some(("bounds", field)) => ("Bounds", field),
                Some(("id", field)) => ("Number", field),
                _ => (name, path),
            };
            assert!(has_field(name, field), "{name} has no field {field}, which the script in gdb/ reads");
        }
    }
}

#[test]
fn the_script_has_the_flags_of_the_crate() {
    let line = SCRIPT.lines().find(|line| line.starts_with("NO_BODY, ")).expect("flags in the script");
    let (names, values) = line.split_once(" = ").expect("values of the flags");
    for (name, value) in names.split(", ").zip(values.split(", ")) {
        let definition = FLAGS.split_once(&format!("const {name}: Flags = Flags(")).map_or("", |(_, rest)| rest);
        let digits = definition.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let ends = [format!("{value})"), format!("{value} }}")];
        assert!(ends.iter().any(|end| digits.starts_with(end)), "the flag {name} is not {value} in flags.rs");
    }
}

#[test]
fn the_script_has_the_constants_of_the_crate() {
    let canary = "1 => block.wrapping_add(BAND).wrapping_add(KEY).wrapping_neg(),
        Native::LOWER_CANARY => KEY,
        _ => floor.addr(),";
    for (ours, text, theirs) in [
        ("NUMBER = (1 << 56) - 1", MAIL, "const REMOTE: u64 = 1 << 56;"),
        ("(1 << 63, \"kill\")", MAIL, "Self::Kill => 1 << 63"),
        ("(1 << 62, \"wake\")", MAIL, "Self::Wake => 1 << 62"),
        ("BAND, KEY, PAINT = 64, 0x9E37_79B9_7F4A_7C15, 0x9E", BAND, "BAND: usize = 64;"),
        (
            "BAND, KEY, PAINT = 64, 0x9E37_79B9_7F4A_7C15, 0x9E",
            BAND,
            "KEY: usize = (0x9e37_79b9_7f4a_7c15_u64 >> (64 - usize::BITS)) as usize;",
        ),
        ("-(key + BAND + self.address) % (1 << bits), key", BAND, canary),
        (", 0x9E\n", include_str!("../../src/records/paint.rs"), "PAINT: u8 = 0x9e;"),
        ("lower_canary=2)", include_str!("../../arch/aarch64/cpu.rs"), "LOWER_CANARY: usize = 2;"),
        ("lower_canary or BAND // word", include_str!("../../arch/isa.rs"), "LOWER_CANARY: usize = BAND_WORDS;"),
        ("0xD2800002", include_str!("../../arch/aarch64/switch.rs"), "MARK: u32 = 0xd280_0002;"),
        ("b\"\\xcc\"", include_str!("../../arch/x86_64/switch.rs"), "MARK: u32 = 0xcc;"),
    ] {
        assert!(SCRIPT.contains(ours), "the script in gdb/ has no `{ours}`: adapt this test, too");
        assert!(text.contains(theirs), "the script in gdb/ has `{ours}` for `{theirs}`, which the source has no more");
    }
}
