//! Calls that the debugger, or QEMU, answers in place of an operating system.
//!
//! Source: Arm, "Semihosting for AArch32 and AArch64"; RISC-V, "Semihosting", which only differs in how to trap.

use core::ffi::CStr;

const OPEN: usize = 0x01;
const PUT: usize = 0x03;
const WRITE: usize = 0x05;
const READ: usize = 0x06;
const EXIT_EXTENDED: usize = 0x20;
const APPLICATION_EXIT: usize = 0x20026;

/// Writes one byte to the console.
pub fn put(byte: u8) {
    call(PUT, (&raw const byte).addr());
}

/// Ends the program; the emulator exits with this code.
pub fn exit(code: u8) -> ! {
    let block = [APPLICATION_EXIT, usize::from(code)];
    loop {
        call(EXIT_EXTENDED, (&raw const block).addr());
    }
}

/// A file of the host, in the directory where the emulator was started.
pub struct File(usize);

impl File {
    /// Opens a file that is there, to read.
    #[must_use]
    pub fn open(name: &CStr) -> Option<File> {
        File::with_mode(name, 1)
    }

    /// Makes a file, to write.
    #[must_use]
    pub fn create(name: &CStr) -> Option<File> {
        File::with_mode(name, 5)
    }

    fn with_mode(name: &CStr, mode: usize) -> Option<File> {
        let block = [name.as_ptr().addr(), mode, name.count_bytes()];
        let handle = call(OPEN, (&raw const block).addr());
        (handle != usize::MAX).then_some(File(handle))
    }

    /// Fills as much of `bytes` as the file still has; the number of bytes.
    pub fn read(&self, bytes: &mut [u8]) -> usize {
        let block = [self.0, bytes.as_mut_ptr().expose_provenance(), bytes.len()];
        bytes.len().saturating_sub(call(READ, (&raw const block).addr()))
    }

    /// Appends `bytes`; whether all were written.
    pub fn write(&self, bytes: &[u8]) -> bool {
        let block = [self.0, bytes.as_ptr().addr(), bytes.len()];
        call(WRITE, (&raw const block).addr()) == 0
    }
}

#[cfg(target_arch = "arm")]
fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: the debugger reads and writes only what `argument` points to, as the operation says; the default
    // clobbers cover memory.
    unsafe { core::arch::asm!("bkpt #0xab", inout("r0") operation => result, in("r1") argument, options(nostack)) };
    result
}

#[cfg(target_arch = "riscv32")]
fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: as above. The three instructions are the trap, and must lie in one page uncompressed.
    unsafe {
        core::arch::asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") argument,
            options(nostack),
        );
    }
    result
}
