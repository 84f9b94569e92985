//! Pools whose stacks lie apart, for the linker to place.

/// Declares a [`StackPool`](crate::StackPool), [`SharedStackPool`](crate::SharedStackPool) or
/// [`GuardedStackPool`](crate::GuardedStackPool) whose stacks lie apart from what the pool knows of them.
///
/// The stacks go into the section `.sbss.greenlet_stacks`. A linker script that knows nothing of it puts them where all of `.bss` is.
/// With the fragment `greenlet.x` they lie in the memory region `GREENLET_STACKS`, which the boot code need not zero:
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
            #[cfg_attr(target_os = "none", unsafe(link_section = ".sbss.greenlet_stacks"))]
            static MEMORY: $crate::StackMemory<$count, $size, $crate::$layout> =
                <$crate::$layout as $crate::Inline<$count, $size>>::UNUSED;
            // SAFETY: nobody else can name it.
            unsafe { $crate::StackPool::placed(&MEMORY) }
        };
    };
}
