//! `greenlet_hub_run`, and the platform that the program gives it.

use super::{LAYOUT, Task};
use crate::outcome::{BAD_ABI, CORE_BUSY, Fault, MASKED, NULL, Out, Word};
use crate::tree::{self, Hooks, TREE};
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr};
use greenlet_hub::{RawHub, RunError};

/// The body of a task.
pub(super) type Body = unsafe extern "C" fn(me: *const Task, argument: Word) -> Out;
/// What `idle` of the program asks before it sleeps.
type Ask = unsafe extern "C" fn(asked: Word) -> bool;

/// What C calls `greenlet_tasks`: the slots of the hub.
#[repr(C)]
pub struct Tasks {
    slots: *const u64,
    count: usize,
}

/// What C calls `greenlet_platform`.
#[repr(C)]
pub struct Platform {
    now: Option<unsafe extern "C" fn(context: Word) -> u64>,
    arm: Option<unsafe extern "C" fn(at: u64, context: Word)>,
    kick: Option<unsafe extern "C" fn(context: Word)>,
    idle: Option<unsafe extern "C" fn(ask: Ask, asked: Word, context: Word)>,
    context: Word,
    hertz: u32,
}

/// The platform of the hub that runs, or ran last.
struct Board(AtomicPtr<Platform>);

static BOARD: Board = Board(AtomicPtr::new(ptr::null_mut()));
static HUB: RawHub<Word, Fault> = RawHub::new(&TREE, &BOARD);

impl Board {
    fn platform(&self) -> Option<&'static Platform> {
        // SAFETY: by the contract of `greenlet_hub_run`, a platform is a static.
        unsafe { self.0.load(Acquire).as_ref() }
    }
}

impl greenlet_hub::Platform for Board {
    fn now(&self) -> u64 {
        let with = |platform: &Platform| {
            // SAFETY: the program's own function.
            platform.now.map(|now| unsafe { now(platform.context) })
        };
        self.platform().and_then(with).unwrap_or(0)
    }

    fn hertz(&self) -> u32 {
        self.platform().map_or(1, |platform| platform.hertz)
    }

    fn arm(&self, at: Option<u64>) {
        if let Some(platform) = self.platform()
            && let Some(arm) = platform.arm
        {
            // SAFETY: the program's own function.
            unsafe { arm(at.unwrap_or(u64::MAX), platform.context) }
        }
    }

    fn kick(&self) {
        if let Some(platform) = self.platform()
            && let Some(kick) = platform.kick
        {
            // SAFETY: the program's own function.
            unsafe { kick(platform.context) }
        }
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        /// Calls the closure for the program.
        unsafe extern "C" fn ask(asked: Word) -> bool {
            // SAFETY: the pointer to `sleep` below, which exists during the call.
            unsafe { (*asked.0.cast::<&mut dyn FnMut() -> bool>())() }
        }
        let Some(platform) = self.platform() else { return };
        let Some(idle) = platform.idle else {
            #[cfg(target_os = "none")]
            greenlet_hub::sleep_if(sleep);
            return;
        };
        let mut sleep = sleep;
        // SAFETY: the program's own function.
        unsafe { idle(ask, Word((&raw mut sleep).cast()), platform.context) }
    }
}

/// `greenlet_hub_run`. The number in the name, and `layout`, are as those of `greenlet_enter`.
///
/// # Safety
///
/// `tasks` was made by `GREENLET_TASKS` or is null, `platform` is a static or null, and `hooks` is null or exists until
/// this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_hub_run_abi_1(
    tasks: *const Tasks,
    platform: *const Platform,
    body: Option<Body>,
    argument: Word,
    hooks: *const Hooks,
    layout: u64,
) -> Out {
    /// While the hub runs, its platform stays.
    static RUNS: AtomicBool = AtomicBool::new(false);
    if layout != LAYOUT {
        return Out::refused(BAD_ABI);
    }
    // SAFETY: the caller's contract.
    let (tasks, given) = (unsafe { tasks.as_ref() }, unsafe { platform.as_ref() });
    let is_whole = |platform: &&Platform| {
        let sleeps = platform.idle.is_some() || cfg!(target_os = "none");
        platform.now.is_some() && platform.arm.is_some() && sleeps
    };
    let (Some(tasks), Some(_), Some(body)) = (tasks, given.filter(is_whole), body) else { return Out::refused(NULL) };
    if tasks.slots.is_null() {
        return Out::refused(NULL);
    }
    if RUNS.swap(true, Acquire) {
        return Out::refused(CORE_BUSY);
    }
    BOARD.0.store(platform.cast_mut(), Release);
    let main = |main: &greenlet_hub::MainTask<Word, Fault>| {
        tree::begin(main.greenlet(), hooks);
        // SAFETY: the program's own function.
        unsafe { body(ptr::from_ref::<Task>(main), argument) }
    };
    // SAFETY: the slots are a static of zeros, which no other function uses.
    let ran = unsafe { HUB.run(tasks.slots, tasks.count, main) };
    RUNS.store(false, Release);
    match ran {
        Ok(result) => result,
        Err(refused) => Out::refused(match refused.reason {
            RunError::Enter(reason) => tree::why_not(reason),
            RunError::Masked => MASKED,
            _ => CORE_BUSY,
        }),
    }
}

/// `greenlet_hub_layout`: the sizes of the structs of this archive.
#[unsafe(no_mangle)]
pub extern "C" fn greenlet_hub_layout() -> u64 {
    LAYOUT
}
