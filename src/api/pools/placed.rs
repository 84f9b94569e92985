//! `stack_pool!`: pools whose stacks are in a linker section of their own.

/// The `memory` field of a pool whose stacks are in another static.
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

/// The address of a symbol that `greenlet.x` defines, so that a program with such a pool does not link without that
/// linker fragment.
///
/// Without it the linker would place the stacks after everything that the firmware's script names, and a heap that
/// begins at the end of `.bss` would overlap them.
#[cfg(target_os = "none")]
struct Fragment(#[allow(dead_code, reason = "for the linker to look at")] *const u8);

/// Nothing in a hosted program, where the linker and the loader place every section.
#[cfg(not(target_os = "none"))]
struct Fragment;

// SAFETY: an address that is never dereferenced.
#[cfg(target_os = "none")]
unsafe impl Sync for Fragment {}

impl Fragment {
    #[cfg(target_os = "none")]
    const INCLUDED: Self = {
        unsafe extern "C" {
            /// The name is the message: the linker prints it as an undefined symbol if the fragment is missing.
            static stack_pool_needs_greenlet_x_in_the_linker_script: u8;
        }
        Self(&raw const stack_pool_needs_greenlet_x_in_the_linker_script)
    };
    #[cfg(not(target_os = "none"))]
    const INCLUDED: Self = Self;
}

/// A static without bytes in the section of the stacks, by which `greenlet.x` checks that no other output section
/// contains them.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".sbss.greenlet_stacks")]
#[allow(non_upper_case_globals, reason = "a symbol, for the linker")]
static greenlet_stacks_mark: [u8; 0] = [];

/// Declares a [`StackPool`](crate::StackPool), [`SharedStackPool`](crate::SharedStackPool) or
/// [`GuardedStackPool`](crate::GuardedStackPool) whose stacks are in a memory region that the linker script names.
///
/// On bare metal the stacks are in the section `.sbss.greenlet_stacks`, which the linker fragment `greenlet.x` puts
/// into the memory region `GREENLET_STACKS`. The boot code need not zero that region. A heap in the same region begins
/// at `_greenlet_stacks_end`.
///
/// A program without the fragment does not link: `undefined symbol: stack_pool_needs_greenlet_x_in_the_linker_script`.
/// A program whose linker script puts `.sbss` into an earlier output section does not link either: the stacks would be
/// zeroed with that section and be placed where it is.
///
/// ```text
/// // build.rs of the firmware
/// println!("cargo::rustc-link-arg=-Tgreenlet.x"); // cargo passes its directory to the linker
/// /* the firmware's linker script: declare the region, or make it an alias */
/// REGION_ALIAS("GREENLET_STACKS", RAM);
/// ```
///
/// The static has the declared type, with the layout [`Placed`](crate::Placed) or `Placed<Guarded>`. Each of `COUNT`,
/// `SIZE` and `HEADROOM` is a literal, a name, or an expression in braces. The fourth parameter can be a layout:
/// `SharedStackPool<4, 8192, 0, Guarded>`.
///
/// ```
/// # use greenlet::Tree;
/// const WORKERS: usize = 4;
/// greenlet::stack_pool! {
///     /// The stacks of the workers.
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
            // The parameters may name constants of the user, which this name must not shadow.
            #[cfg_attr(target_os = "none", unsafe(link_section = ".sbss.greenlet_stacks"))]
            static __GREENLET_STACKS: $crate::StackMemory<$count, $size, $crate::$layout> =
                <$crate::$layout as $crate::Inline<$count, $size>>::UNUSED;
            // SAFETY: no other code can name this static.
            unsafe { $crate::StackPool::placed(&__GREENLET_STACKS) }
        };
    };
}
