//! The ready pool: threads that wait for work spinning, for a while, then asleep.
//!
//! ```text
//! caller:  job, open ──── tasks ──── close ── until no worker is inside
//! worker:       enter ─── tasks ─── leave
//! ```
//!
//! Tasks are claimed one by one, so a worker that comes late costs nothing. Layers of a network follow each other within
//! microseconds, in which waking a thread that sleeps would not pay. What is absent: a queue. A second caller, or a task that itself
//! calls, does its tasks alone.

use super::Pool;
use core::cell::UnsafeCell;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;
use std::vec::Vec;

/// How long a worker spins before it sleeps.
const SPIN: Duration = Duration::from_micros(100);

/// Threads of this process, in wait of tasks. They end when it is dropped.
pub struct Workers {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

/// What `run` was given, for as long as it runs.
type Task = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// Odd while the job is open; each opening and closing adds 1.
    phase: Line<AtomicUsize>,
    /// Workers that may be reading the job.
    inside: Line<AtomicUsize>,
    /// The next task that nobody has claimed.
    next: Line<AtomicUsize>,
    /// The job and how many tasks it has; written while `phase` is even and nobody is inside.
    job: Line<UnsafeCell<Option<(Task, usize)>>>,
    /// Whether somebody runs a job.
    taken: AtomicBool,
    panicked: AtomicBool,
    ending: AtomicBool,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

/// In cache lines of its own: those who wait for one thing must not slow down who writes another.
#[repr(align(128))]
struct Line<T>(T);

// SAFETY: `job` is written by the one caller that has `taken` the pool, while no worker is inside, and read by workers inside.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Workers {
    /// `threads` in all: the caller's and `threads - 1` of its own.
    ///
    /// # Errors
    /// What the operating system says if it starts no more threads.
    pub fn new(threads: usize) -> std::io::Result<Workers> {
        let mut workers = Workers { shared: Arc::new(Shared::new()), handles: Vec::new() };
        for _ in 1..threads {
            let shared = workers.shared.clone();
            workers.handles.push(Builder::new().name("siskin".into()).spawn(move || shared.serve())?);
        }
        Ok(workers)
    }
}

impl Pool for Workers {
    fn threads(&self) -> usize {
        self.handles.len().saturating_add(1)
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        if tasks < 2 || self.handles.is_empty() || self.shared.taken.swap(true, SeqCst) {
            return (0..tasks).for_each(task);
        }
        // SAFETY: only the lifetime is another: `Open` is dropped before this function ends, and then nobody is inside.
        let job: Task = unsafe { core::mem::transmute(core::ptr::from_ref(task)) };
        let open = Open::new(&self.shared, tasks, job);
        self.shared.claim(tasks, task);
        drop(open);
        assert!(!self.shared.panicked.load(SeqCst), "a task panicked on another thread");
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.ending.store(true, SeqCst);
        self.shared.wake();
        for handle in self.handles.drain(..) {
            // A worker catches what tasks throw, so it has nothing to say.
            _ = handle.join();
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

/// A job that workers may enter; dropped, also by a panic, when they may not and have left.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn new(shared: &'a Shared, tasks: usize, job: Task) -> Open<'a> {
        // Opening publishes these.
        shared.next.0.store(0, Relaxed);
        shared.panicked.store(false, Relaxed);
        // SAFETY: the pool is taken, the job closed, and nobody is inside.
        unsafe { *shared.job.0.get() = Some((job, tasks)) };
        shared.phase.0.fetch_add(1, SeqCst);
        if shared.asleep.load(SeqCst) > 0 {
            shared.wake();
        }
        Open(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.phase.0.fetch_add(1, SeqCst);
        let mut spins = 0u32;
        while self.0.inside.0.load(SeqCst) > 0 {
            spins = spins.saturating_add(1);
            if spins < 10_000 { core::hint::spin_loop() } else { std::thread::yield_now() }
        }
        self.0.taken.store(false, SeqCst);
    }
}

impl Shared {
    fn new() -> Shared {
        Shared {
            phase: Line(AtomicUsize::new(0)),
            inside: Line(AtomicUsize::new(0)),
            next: Line(AtomicUsize::new(0)),
            job: Line(UnsafeCell::new(None)),
            taken: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
            bed: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// Does tasks until all are claimed.
    fn claim(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        loop {
            let i = self.next.0.fetch_add(1, Relaxed);
            if i >= tasks {
                return;
            }
            task(i);
        }
    }

    /// What a worker does.
    fn serve(&self) {
        let mut seen = 0;
        while let Some(phase) = self.wait(seen) {
            seen = phase;
            // A caller closes, then looks whether somebody is inside; a worker enters, then looks whether it is open. One sees the other.
            self.inside.0.fetch_add(1, SeqCst);
            if self.phase.0.load(SeqCst) == phase {
                // SAFETY: the job is open and this worker inside, so nobody writes it, and its caller waits.
                let job = unsafe { (*self.job.0.get()).map(|(task, tasks)| (&*task, tasks)) };
                let work = || job.into_iter().for_each(|(task, tasks)| self.claim(tasks, task));
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    self.panicked.store(true, SeqCst);
                }
            }
            self.inside.0.fetch_sub(1, SeqCst);
        }
    }

    /// The phase of the next job that is open, other than `seen`; nothing when the pool ends.
    fn wait(&self, seen: usize) -> Option<usize> {
        let news = || {
            let phase = self.phase.0.load(SeqCst);
            (phase % 2 == 1 && phase != seen).then_some(phase)
        };
        let mut start = Instant::now();
        loop {
            for _ in 0..64 {
                if let Some(phase) = news() {
                    return Some(phase);
                }
                core::hint::spin_loop();
            }
            if self.ending.load(SeqCst) {
                return None;
            }
            if start.elapsed() >= SPIN {
                self.sleep(&|| news().is_some() || self.ending.load(SeqCst));
                start = Instant::now();
            }
        }
    }

    /// Sleeps until `ready`, which a caller makes so before it looks who is asleep.
    fn sleep(&self, ready: &dyn Fn() -> bool) {
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.fetch_add(1, SeqCst);
        while !ready() {
            bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, SeqCst);
    }

    fn wake(&self) {
        // Whoever holds it has not looked yet, or sleeps once it is free.
        drop(self.bed.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_all();
    }
}
