//! Pools whose stacks lie apart, for the linker to place.

/// What a pool has whose stacks are elsewhere.
#[doc(hidden)]
pub struct Apart<M: 'static> {
    stacks: &'static M,
    #[allow(dead_code, reason = "for the linker to look at")]
    fragment: Fragment,
}

impl<M> Apart<M> {
    pub(super) const fn new(stacks: &'static M) -> Self {
        Self { stacks, fragment: Fragment::INCLUDED }
    }

    pub(super) fn stacks(&self) -> &'static M {
        self.stacks
    }
}

/// The address of a symbol that `greenlet.x` defines. Without the fragment the stacks would lie behind all that the firmware's
/// script knows of, and a heap that begins where `.bss` ends over them: then this must not link.
#[cfg(target_os = "none")]
struct Fragment(#[allow(dead_code, reason = "for the linker to look at")] *const u8);

/// Hosted, the system's loader knows of every section.
#[cfg(not(target_os = "none"))]
struct Fragment;

// SAFETY: an address, which nobody follows.
#[cfg(target_os = "none")]
unsafe impl Sync for Fragment {}

impl Fragment {
    #[cfg(target_os = "none")]
    const INCLUDED: Self = {
        unsafe extern "C" {
            /// What the linker says when it does not know it is all that the user sees.
            static stack_pool_needs_greenlet_x_in_the_linker_script: u8;
        }
        Self(&raw const stack_pool_needs_greenlet_x_in_the_linker_script)
    };
    #[cfg(not(target_os = "none"))]
    const INCLUDED: Self = Self;
}

/// A mark without bytes, where all stacks go: `greenlet.x` looks whether another section of the script has taken them.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".sbss.greenlet_stacks")]
#[allow(non_upper_case_globals, reason = "a symbol, for the linker")]
static greenlet_stacks_mark: [u8; 0] = [];

/// Declares a [`StackPool`](crate::StackPool), [`SharedStackPool`](crate::SharedStackPool) or
/// [`GuardedStackPool`](crate::GuardedStackPool) whose stacks lie apart from what the pool knows of them.
///
/// On bare metal the stacks go into the section `.sbss.greenlet_stacks`, which the linker fragment `greenlet.x` puts into the memory
/// region `GREENLET_STACKS`; the boot code need not zero that. A heap in the same region begins at `_greenlet_stacks_end`. A program
/// without the fragment does not link: `undefined symbol: stack_pool_needs_greenlet_x_in_the_linker_script`. Nor does one whose script
/// takes `.sbss` into another section before, which would be zeroed with that, and lie where that lies.
///
/// ```text
/// // build.rs of the firmware
/// println!("cargo::rustc-link-arg=-Tgreenlet.x"); // found without a path
/// /* the firmware's linker script: a region of its own, or another name for one */
/// REGION_ALIAS("GREENLET_STACKS", RAM);
/// ```
///
/// The pool has the type that is written, with [`Placed`](crate::Placed) as its layout, or `Placed<Guarded>`. Each of `COUNT`, `SIZE` and
/// `HEADROOM` is a literal, a name, or an expression in braces. A layout may come fourth: `SharedStackPool<4, 8192, 0, Guarded>`.
///
/// ```
/// # use greenlet::Tree;
/// const WORKERS: usize = 4;
/// greenlet::stack_pool! {
///     /// One for each worker.
///     static STACKS: StackPool<WORKERS, { 8 * 1024 }>;
/// }
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
/// assert_eq!(g.switch(1), Ok(2));
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! stack_pool {
    ($(#[$attribute:meta])* $public:vis static $name:ident: GuardedStackPool<$count:tt, $size:tt $(, $headroom:tt)?>;) => {
        $crate::stack_pool! {
            $(#[$attribute])* $public static $name: StackPool<$count, $size, { 0 $(+ $headroom)? }, Guarded>;
        }
    };
    ($(#[$attribute:meta])* $public:vis static $name:ident: $pool:ident<$count:tt, $size:tt $(, $headroom:tt)?>;) => {
        $crate::stack_pool! {
            $(#[$attribute])* $public static $name: $pool<$count, $size, { 0 $(+ $headroom)? }, Plain>;
        }
    };
    (
        $(#[$attribute:meta])*
        $public:vis static $name:ident: $pool:ident<$count:tt, $size:tt, $headroom:tt, $layout:ident>;
    ) => {
        $(#[$attribute])*
        $public static $name: $crate::$pool<$count, $size, $headroom, $crate::Placed<$crate::$layout>> = {
            // A name that hides no constant of the user's, for one may stand in each of the parameters.
            #[cfg_attr(target_os = "none", unsafe(link_section = ".sbss.greenlet_stacks"))]
            static __GREENLET_STACKS: $crate::StackMemory<$count, $size, $crate::$layout> =
                <$crate::$layout as $crate::Inline<$count, $size>>::UNUSED;
            // SAFETY: nobody else can name it.
            unsafe { $crate::StackPool::placed(&__GREENLET_STACKS) }
        };
    };
}
