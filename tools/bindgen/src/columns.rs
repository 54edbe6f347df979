//! WebAssembly apart: opcodes, locals, constants and so on in columns of their own, which deflate packs by a fifth
//! smaller than the file.
//!
//! ```text
//! lengths of the columns and of the file, u32 each | rest | declarations | opcodes | locals | … | rare
//! ```
//!
//! The decoder is `wasm/npm/src/columns.ts`. What it can tell by itself is left out: lengths of functions, and operands
//! that nearly always are the same (a load is aligned, a block has no result, the global is the stack's pointer).
//! Where one is not, [`UNUSUAL`] stands before the opcode. Locals are written as how many others were used since, and
//! the two used last are part of the opcode.

use anyhow::{Context, Result, bail, ensure};

/// The columns in their order.
#[derive(Clone, Copy)]
enum Column {
    /// All that is outside of functions.
    Rest,
    Declarations,
    Opcodes,
    Locals,
    Constants,
    Offsets,
    Calls,
    Labels,
    Floats,
    Rare,
}

const COLUMNS: usize = 10;
const CODE: u8 = 10;
const LOCAL_GET: u8 = 0x20;
const RECENT: u8 = 0xe0;
const UNUSUAL: u8 = 0xff;
const ALIGNMENTS: &[u8] = b"23230011001122222301012";
/// The most locals of a function.
const LOCALS: u32 = 1024;

/// The columns of a file.
pub(crate) fn columns(file: &[u8]) -> Result<Vec<u8>> {
    let mut walk = Walk { file, at: 0, columns: Default::default() };
    walk.copy(Column::Rest, 8)?;
    while walk.at < file.len() {
        let section = walk.peek()?;
        walk.copy(Column::Rest, 1)?;
        let size = walk.number(Column::Rest)?;
        if section != CODE {
            walk.copy(Column::Rest, size as usize)?;
            continue;
        }
        for _ in 0..walk.number(Column::Rest)? {
            walk.function().with_context(|| format!("at byte {}", walk.at))?;
        }
    }
    let lengths = walk.columns.iter().map(Vec::len).chain([file.len()]);
    let lengths = lengths.flat_map(|length| (length as u32).to_le_bytes());
    Ok(lengths.chain(walk.columns.iter().flatten().copied()).collect())
}

struct Walk<'a> {
    file: &'a [u8],
    at: usize,
    columns: [Vec<u8>; COLUMNS],
}

impl Walk<'_> {
    fn peek(&self) -> Result<u8> {
        self.file.get(self.at).copied().context("the file ends within a section")
    }

    fn put(&mut self, column: Column, byte: u8) {
        self.columns[column as usize].push(byte);
    }

    fn copy(&mut self, column: Column, count: usize) -> Result<()> {
        for _ in 0..count {
            let byte = self.peek()?;
            self.put(column, byte);
            self.at += 1;
        }
        Ok(())
    }

    /// Reads a number and copies nothing.
    fn skip(&mut self) -> Result<u32> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.peek()?;
            self.at += 1;
            value |= u32::from(byte & 127).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte < 128 {
                return Ok(value);
            }
        }
    }

    fn number(&mut self, column: Column) -> Result<u32> {
        let start = self.at;
        let value = self.skip()?;
        let digits = self.file[start..self.at].iter();
        self.columns[column as usize].extend(digits);
        Ok(value)
    }

    fn function(&mut self) -> Result<()> {
        let before = self.at;
        let size = self.skip()? as usize;
        let end = self.at + size;
        // The decoder writes as few digits as there can be.
        ensure!(self.at - before == size.max(1).ilog2() as usize / 7 + 1, "the length of a function is padded");
        for _ in 0..self.number(Column::Declarations)? {
            self.number(Column::Declarations)?;
            self.copy(Column::Declarations, 1)?;
        }
        let (mut recent, mut depth) = ((0..LOCALS).collect(), 1);
        while depth > 0 {
            match self.instruction(&mut recent)? {
                0x02..=0x04 => depth += 1,
                0x0b => depth -= 1,
                _ => {}
            }
        }
        ensure!(self.at == end, "a function does not end where it says");
        Ok(())
    }

    /// Moves one instruction to the columns; returns its opcode.
    fn instruction(&mut self, recent: &mut Vec<u32>) -> Result<u8> {
        let opcode = self.peek()?;
        self.at += 1;
        if (LOCAL_GET..LOCAL_GET + 3).contains(&opcode) {
            self.local(opcode, recent)?;
            return Ok(opcode);
        }
        let usual = match opcode {
            0x02..=0x04 => Some(0x40),
            0x23 | 0x24 => Some(0),
            0x28..=0x3e => Some(ALIGNMENTS[usize::from(opcode - 0x28)] - b'0'),
            _ => None,
        };
        let is_usual = usual.is_some_and(|usual| self.file.get(self.at) == Some(&usual));
        if usual.is_some() && !is_usual {
            self.put(Column::Opcodes, UNUSUAL);
        }
        self.put(Column::Opcodes, opcode);
        if is_usual {
            self.at += 1;
        } else if usual.is_some() {
            self.number(Column::Rare)?;
        }
        self.operands(opcode)?;
        Ok(opcode)
    }

    /// The operands after a first one that has a usual value.
    fn operands(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x0c | 0x0d => self.number(Column::Labels).map(drop),
            0x0e => {
                let labels = self.number(Column::Labels)?;
                (0..=labels).try_for_each(|_| self.number(Column::Labels).map(drop))
            }
            0x10 => self.number(Column::Calls).map(drop),
            0x11 => self.copy(Column::Rare, 2),
            0x28..=0x3e => self.number(Column::Offsets).map(drop),
            0x3f | 0x40 => self.copy(Column::Rare, 1),
            0x41 | 0x42 => self.number(Column::Constants).map(drop),
            0x43 => self.copy(Column::Floats, 4),
            0x44 => self.copy(Column::Floats, 8),
            0xfc => match self.number(Column::Opcodes)? {
                0..8 => Ok(()),
                11 => self.copy(Column::Rare, 1),
                _ => self.copy(Column::Rare, 2),
            },
            0xfd => self.vector(),
            0x00..=0x04 | 0x0b | 0x0f | 0x1a | 0x1b | 0x05 | 0x23 | 0x24 | 0x45..=0xc4 => Ok(()),
            _ => bail!("opcode {opcode:#x} is not in the grammar: add it here and in columns.ts"),
        }
    }

    fn vector(&mut self) -> Result<()> {
        let opcode = self.number(Column::Opcodes)?;
        let lane = (84..92).contains(&opcode);
        if opcode < 12 || lane || opcode == 92 || opcode == 93 {
            self.copy(Column::Rare, 1)?;
            self.number(Column::Offsets)?;
        } else if opcode < 14 {
            self.copy(Column::Floats, 16)?;
        }
        if lane || (21..35).contains(&opcode) { self.copy(Column::Rare, 1) } else { Ok(()) }
    }

    fn local(&mut self, opcode: u8, recent: &mut Vec<u32>) -> Result<()> {
        let index = self.skip()?;
        let rank = recent.iter().position(|&local| local == index).context("a function has too many locals")?;
        let local = recent.remove(rank);
        recent.insert(0, local);
        let rank = u8::try_from(rank).context("a local was not used for long")?;
        match rank.checked_sub(2) {
            None => self.put(Column::Opcodes, RECENT + 2 * (opcode - LOCAL_GET) + rank),
            Some(older) => {
                self.put(Column::Opcodes, opcode);
                self.put(Column::Locals, older);
            }
        }
        Ok(())
    }
}
