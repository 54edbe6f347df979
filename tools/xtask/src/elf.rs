//! What a linked ELF image for a bare target holds: forbidden symbols, panic sites, sizes.
//!
//! A panic leaves two traces. Its functions stay in the symbol table, which is the proof. Each site also
//! leaves a `core::panic::Location`, `{ &str, u32 line, u32 column }` with 32-bit pointers, somewhere in
//! constant data: a search for that shape turns "there is a panic" into file and line.

use core::ops::Range;

use anyhow::{Context, Result};
use object::{File, Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

/// Parts of mangled symbols that exist only if something can panic or allocate.
const FORBIDDEN: [&str; 7] =
    ["siskin_panic_reached", "rust_begin_unwind", "9panicking", "__rust_alloc", "__rg_", "__rdl_", "malloc"];

/// The evidence found in one image.
pub(crate) struct Image {
    /// Symbols that must not be there.
    pub forbidden: Vec<String>,
    /// `file:line:column` of every panic site.
    pub sites: Vec<String>,
    /// Bytes of machine code.
    pub code: u64,
    /// Bytes of constants.
    pub constants: u64,
    /// Bytes of static memory.
    pub memory: u64,
}

impl Image {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Image> {
        let file = File::parse(bytes).context("the linked image is no ELF file")?;
        let names = file.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_string));
        let forbidden = names.filter(|name| is_forbidden(name)).collect();
        let mut image = Image { forbidden, sites: sites(&file)?, code: 0, constants: 0, memory: 0 };
        // Linker scripts reserve what is left of the memory in sections of these names.
        let reserved = |name: Option<&str>| matches!(name, Some(".stack" | ".heap"));
        for section in file.sections().filter(|section| !reserved(section.name().ok())) {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            let has = |flag: u32| sh_flags & u64::from(flag) != 0;
            match (has(elf::SHF_ALLOC), has(elf::SHF_EXECINSTR), has(elf::SHF_WRITE)) {
                (false, ..) => {}
                (true, true, _) => image.code += section.size(),
                (true, false, true) => image.memory += section.size(),
                (true, false, false) => image.constants += section.size(),
            }
        }
        Ok(image)
    }
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|part| name.contains(part))
}

/// Every `Location` in the image, as text.
fn sites(file: &File<'_>) -> Result<Vec<String>> {
    let mut loaded: Vec<(Range<u64>, &[u8])> = Vec::new();
    for section in file.sections().filter(|section| section.address() != 0) {
        let start = section.address();
        loaded.push((start..start + section.size(), section.data()?));
    }
    let text = |at: u32, len: u32| {
        let (range, data) = loaded.iter().find(|(range, _)| range.contains(&u64::from(at)))?;
        let start = usize::try_from(u64::from(at) - range.start).ok()?;
        let bytes = data.get(start..start.checked_add(usize::try_from(len).ok()?)?)?;
        core::str::from_utf8(bytes).ok()
    };
    let mut found: Vec<_> = loaded.iter().flat_map(|(_, data)| locations(data, text)).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Every four words in `data` that read as pointer and length of a source file's name, line and column.
fn locations<'a>(data: &[u8], text: impl Fn(u32, u32) -> Option<&'a str>) -> Vec<String> {
    let (words, _) = data.as_chunks::<4>();
    let site = |site: &[[u8; 4]]| {
        let &[at, len, line, column] = site else { return None };
        let [at, len, line, column] = [at, len, line, column].map(u32::from_le_bytes);
        // Some compilers count the closing NUL of the name.
        let name = text(at, len)?.trim_end_matches('\0');
        let plausible = name.ends_with(".rs") && line > 0 && column > 0;
        plausible.then(|| format!("{name}:{line}:{column}"))
    };
    words.windows(4).filter_map(site).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_allocators_are_forbidden_in_both_manglings() {
        for name in [
            "_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE",
            "_RNvNtCs1_4core9panicking5panic",
            "_RNvCs1_7___rustc17rust_begin_unwind",
            "_RNvCs1_7___rustc12___rust_alloc",
            "malloc",
        ] {
            assert!(is_forbidden(name), "{name}");
        }
        for name in ["_start", "memcpy", "_RNvMs_NtCs1_6siskin7sessionNtB4_7Session3run"] {
            assert!(!is_forbidden(name), "{name}");
        }
    }

    #[test]
    fn a_location_is_four_words_that_name_a_source_file() {
        let words = [7_u32, 0x1000, 6, 42, 9, 0x1000, 4, 42, 9];
        let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let text = |at, len| (at == 0x1000).then_some(if len == 6 { "a/b.rs" } else { "a/b." });
        assert_eq!(locations(&data, text), ["a/b.rs:42:9"]);
        assert!(locations(&data, |_, _| None).is_empty());
    }

    #[test]
    fn other_bytes_are_no_image() {
        assert!(Image::parse(b"not an ELF file").is_err());
    }
}
