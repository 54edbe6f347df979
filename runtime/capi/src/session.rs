//! A session in a block of the caller's memory.
//!
//! The block holds the parsed model and where it stands, and the arena and state as raw pointers. Each call lends
//! them to a [`Session`] and takes them back, which costs two comparisons and no pass over the file.

use crate::memory::{self, Area};
use crate::{siskin_error, siskin_ops, siskin_status};
use core::ffi::{c_char, c_void};
use siskin::format::{ALIGN, Artifact};
use siskin::{Error, Model, Paused, Session};

/// Model, arena and state must begin at a multiple of this many bytes.
pub const SISKIN_ALIGN: usize = 16;
const _: () = assert!(SISKIN_ALIGN == ALIGN);

/// Words of a siskin_session: 128 bytes where pointers have 32 bits, 256 where they have 64.
pub const SISKIN_SESSION_WORDS: usize = 40;

/// A session: a block of the caller's memory, static or on a stack, that siskin_init fills. Its content is the
/// library's. It holds no resource, so nothing needs to be freed; it must not be copied or moved. Zero it before
/// siskin_init if other calls may come first: they then answer SISKIN_STATUS_NOT_INITIALIZED.
///
/// Different sessions may be used at the same time, one session by one thread at a time.
#[repr(C)]
pub struct siskin_session {
    words: [usize; SISKIN_SESSION_WORDS],
}

/// What a session is made of. Everything must outlive the session.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siskin_config {
    /// The bytes of a .siskin file, in flash or RAM, aligned to SISKIN_ALIGN; they must not change.
    pub model: *const c_void,
    /// Bytes of the file, exactly.
    pub model_bytes: usize,
    /// The operators that may run: the table of `siskin inspect --c-header`, or siskin_all_ops.
    pub ops: *const siskin_ops,
    /// Memory for inputs, outputs and what lies between, aligned to SISKIN_ALIGN.
    pub arena: *mut c_void,
    /// Bytes of the arena, at least the model's: ARENA_BYTES of the header, or siskin_model_sizes.
    pub arena_bytes: usize,
    /// Memory that is kept from one run to the next, aligned to SISKIN_ALIGN; NULL for a model without state.
    pub state: *mut c_void,
    /// Bytes of the state, at least the model's: STATE_BYTES of the header, or siskin_model_sizes.
    pub state_bytes: usize,
}

/// What a block holds once it is initialised.
#[repr(C)]
struct Block {
    /// [`cookie`] of the block's own address, so that a block that was copied or never initialised is refused.
    cookie: usize,
    live: Live,
}
const _: () = assert!(size_of::<Block>() <= size_of::<siskin_session>());
const _: () = assert!(align_of::<Block>() <= align_of::<siskin_session>());

/// An initialised session between calls.
pub(crate) struct Live {
    paused: Paused<'static>,
    arena: *mut u8,
    state: *mut u8,
    /// The block, the arena and the state.
    areas: [Area; 3],
}

fn cookie(block: *const siskin_session) -> usize {
    block.addr() ^ 0x4E49_4B53
}

impl Live {
    pub(crate) const fn model(&self) -> &Model<'static> {
        &self.paused.model
    }

    /// Refuses a buffer of the caller that overlaps the session's memory.
    pub(crate) fn apart(&self, buffer: Area) -> Result<(), siskin_status> {
        self.areas.iter().try_for_each(|&area| Area::apart(&[area, buffer]))
    }

    /// A place in the arena as a pointer that no later borrow of the arena invalidates.
    pub(crate) fn writable(&self, at: *const u8) -> *mut u8 {
        self.arena.wrapping_add(at.addr().wrapping_sub(self.arena.addr()))
    }

    /// A place in the arena, the state or the model as a pointer that no later borrow invalidates.
    pub(crate) fn readable(&self, at: *const u8) -> *const u8 {
        let within = |start: *mut u8, bytes| at.addr().checked_sub(start.addr()).filter(|&offset| offset < bytes);
        let place = |start: *mut u8, bytes| within(start, bytes).map(|offset| start.wrapping_add(offset).cast_const());
        let model = self.model();
        place(self.arena, model.arena_len()).or_else(|| place(self.state, model.state_len())).unwrap_or(at)
    }

    /// The session, until its [`Session::pause`].
    ///
    /// # Safety
    /// Nobody else uses arena and state while it lives.
    unsafe fn open(&self) -> Result<Session<'static>, siskin_status> {
        // SAFETY: siskin_init's caller promised memory of these lengths, and its use is the caller's promise here.
        let arena = unsafe { memory::elements_mut(self.arena, self.model().arena_len()) }?;
        // SAFETY: as for the arena, which it does not overlap.
        let state = unsafe { memory::elements_mut(self.state, self.model().state_len()) }?;
        Ok(Session::resume(self.paused, arena, state)?)
    }
}

/// What an initialised block holds.
///
/// # Safety
/// Unless null or misaligned, `session` is to a readable block; if siskin_init filled it, its promises hold.
unsafe fn find<'a>(session: *const siskin_session) -> Result<&'a Live, siskin_status> {
    // SAFETY: the caller's promise; any words are a valid block of words.
    let words = unsafe { memory::shared(session) }?;
    if words.words.first() != Some(&cookie(session)) {
        return Err(siskin_status::NotInitialized);
    }
    // SAFETY: the cookie says that siskin_init wrote a block here, which fits as asserted above.
    Ok(unsafe { &(*session.cast::<Block>()).live })
}

/// Looks at a session.
///
/// # Safety
/// As [`find`], and no other thread uses the session.
pub(crate) unsafe fn view<R>(
    session: *const siskin_session,
    look: impl FnOnce(&Live, &Session<'_>) -> Result<R, siskin_status>,
) -> Result<R, siskin_status> {
    // SAFETY: the caller's promise.
    let live = unsafe { find(session) }?;
    // SAFETY: one session is used by one thread at a time.
    let session = unsafe { live.open() }?;
    look(live, &session)
}

/// Changes a session.
///
/// # Safety
/// As [`view`], and the block is writable.
pub(crate) unsafe fn edit<R>(
    session: *mut siskin_session,
    change: impl FnOnce(&Live, &mut Session<'_>) -> Result<R, siskin_status>,
) -> Result<R, siskin_status> {
    // SAFETY: the caller's promise.
    let live = unsafe { find(session) }?;
    // SAFETY: one session is used by one thread at a time.
    let mut open = unsafe { live.open() }?;
    let result = change(live, &mut open);
    let paused = open.pause();
    // SAFETY: the block is initialised, as `find` says, and no borrow of it is used any more.
    unsafe { (*session.cast::<Block>()).live.paused = paused };
    result
}

/// A result as the number that C gets.
pub(crate) fn code(result: Result<(), siskin_status>) -> siskin_status {
    result.err().unwrap_or(siskin_status::Ok)
}

/// The bytes of arena and state that the model needs, for programs that load any model. Verifies the whole file but
/// for its operators; firmware takes the constants of `siskin inspect --c-header` instead. Either result may be NULL.
///
/// # Safety
/// Unless NULL, `model` is to `model_bytes` bytes, and the others to memory for their types.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_model_sizes(
    model: *const c_void,
    model_bytes: usize,
    arena_bytes: *mut usize,
    state_bytes: *mut usize,
) -> siskin_status {
    // SAFETY: the caller's promise.
    let sizes = unsafe { file(model, model_bytes) }.and_then(|file| {
        let header = Artifact::parse(file).map_err(Error::Format)?.header();
        Ok((header.arena_len as usize, header.state_len as usize))
    });
    code(sizes.and_then(|(arena, state)| {
        for (to, bytes) in [(arena_bytes, arena), (state_bytes, state)] {
            if !to.is_null() {
                // SAFETY: the caller's promise.
                unsafe { memory::put(to, bytes) }?;
            }
        }
        Ok(())
    }))
}

/// The bytes of a file; there must be some.
///
/// # Safety
/// As [`memory::elements`].
unsafe fn file<'a>(model: *const c_void, bytes: usize) -> Result<&'a [u8], siskin_status> {
    if model.is_null() {
        return Err(siskin_status::Null);
    }
    if bytes == 0 {
        return Err(siskin_status::Truncated);
    }
    // SAFETY: the caller's promise.
    unsafe { memory::elements(model.cast(), bytes) }
}

/// Verifies the model and makes a session of it, with the state at zero. Takes one pass over the file; every other
/// call relies on it. On failure there is no session, and `error`, unless NULL, says more than the status.
///
/// # Safety
/// Unless NULL, every pointer is to memory of the length given, which outlives the session and which nobody else
/// writes during a call. `session` and `config` are to their types, `config->ops` to a table of this library's operators.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_init(
    session: *mut siskin_session,
    config: *const siskin_config,
    error: *mut siskin_error,
) -> siskin_status {
    // SAFETY: the caller's promise.
    let made = unsafe { make(session, config) };
    let report = made.err().unwrap_or(siskin_error::of(siskin_status::Ok));
    if error.is_null() {
        return report.status;
    }
    // SAFETY: the caller's promise.
    let put = unsafe { memory::put(error, report) };
    // What siskin_init refused says more than where the report could not go.
    if report.status == siskin_status::Ok { code(put) } else { report.status }
}

/// # Safety
/// As [`siskin_init`].
unsafe fn make(session: *mut siskin_session, config: *const siskin_config) -> Result<(), siskin_error> {
    let block = Area::of(session, 1)?;
    // SAFETY: the caller's promise.
    let config = unsafe { memory::shared(config) }?;
    let areas = [
        block,
        Area::of(config.arena.cast::<u8>(), config.arena_bytes)?,
        Area::of(config.state.cast::<u8>(), config.state_bytes)?,
    ];
    let [block, arena, state] = areas;
    Area::apart(&[block, arena, state, Area::of(config.model.cast::<u8>(), config.model_bytes)?])?;
    // SAFETY: aligned, not null and apart from the rest. Refused from here on, it must not pass for the session it was.
    unsafe { session.write(siskin_session { words: [0; SISKIN_SESSION_WORDS] }) };
    // SAFETY: the caller's promise.
    let ops = unsafe { memory::shared(config.ops)?.set() }?;
    // SAFETY: the caller's promise; nothing that is written overlaps it, as just checked.
    let model = Model::parse(unsafe { file(config.model, config.model_bytes) }?, &ops)?;

    // SAFETY: the caller's promise; they overlap nothing, as just checked.
    let arena = unsafe { memory::elements_mut(config.arena.cast::<u8>(), config.arena_bytes) }?;
    // SAFETY: as for the arena.
    let state = unsafe { memory::elements_mut(config.state.cast::<u8>(), config.state_bytes) }?;
    let paused = Session::new(&model, arena, state)?.pause();
    let live = Live { paused, arena: config.arena.cast(), state: config.state.cast(), areas };
    // SAFETY: aligned, not null, and large enough, as asserted where Block is defined.
    unsafe { session.cast::<Block>().write(Block { cookie: cookie(session), live }) };
    Ok(())
}

/// Runs the model. Inputs may be overwritten: write them before each run.
///
/// # Safety
/// Unless NULL, `session` is to a siskin_session; if it is initialised, what siskin_init was promised holds, and no
/// other thread uses it during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_run(session: *mut siskin_session) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        edit(session, |_, session| {
            session.run();
            Ok(())
        })
    })
}

/// Runs one operator, for programs that must do something else between operators; `more` says whether any remain.
/// The first call after the last operator begins again.
///
/// # Safety
/// As siskin_run; `more` is to memory for a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_step(session: *mut siskin_session, more: *mut bool) -> siskin_status {
    if more.is_null() {
        return siskin_status::Null;
    }
    // SAFETY: the caller's promise, here and below.
    code(unsafe { edit(session, |_, session| Ok(session.step())).and_then(|left| memory::put(more, left)) })
}

/// Forgets the past: the state becomes zero.
///
/// # Safety
/// As siskin_run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_reset(session: *mut siskin_session) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        edit(session, |_, session| {
            session.reset();
            Ok(())
        })
    })
}

/// Runs the golden vectors that the compiler recorded and compares the answers: bit for bit for integer models.
/// Overwrites inputs and resets the state before and after. `vectors`, unless NULL, receives how many were right.
///
/// # Safety
/// As siskin_run; `vectors` is to memory for its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_self_test(session: *mut siskin_session, vectors: *mut u32) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    let tested = unsafe { edit(session, |_, session| Ok(session.self_test()?.vectors)) };
    // SAFETY: the caller's promise.
    code(tested.and_then(|n| if vectors.is_null() { Ok(()) } else { unsafe { memory::put(vectors, n.into()) } }))
}

/// Copies the state to `to`. `bytes` must be the model's STATE_BYTES.
///
/// # Safety
/// As siskin_run; `to` is to memory for `bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_save_state(
    session: *const siskin_session,
    to: *mut c_void,
    bytes: usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        view(session, |live, session| {
            live.apart(Area::of(to.cast::<u8>(), bytes)?)?;
            let to = memory::elements_mut(to.cast::<u8>(), bytes)?;
            if to.len() != session.state().len() {
                return Err(siskin_status::State);
            }
            to.iter_mut().zip(session.state()).for_each(|(to, &from)| *to = from);
            Ok(())
        })
    })
}

/// Sets the state to bytes that siskin_save_state gave, of the same model.
///
/// # Safety
/// As siskin_run; `from` is to `bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_restore_state(
    session: *mut siskin_session,
    from: *const c_void,
    bytes: usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        edit(session, |live, session| {
            live.apart(Area::of(from.cast::<u8>(), bytes)?)?;
            Ok(session.restore(memory::elements(from.cast::<u8>(), bytes)?)?)
        })
    })
}

/// The library's version, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn siskin_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
