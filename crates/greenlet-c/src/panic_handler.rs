//! What a panic calls in the archive: the program's own `greenlet_panic`.
//!
//! A panic is a bug: of the program, such as a reference that is given up twice, or of the kernel. The archive is built
//! with `panic = "abort"`, so nothing unwinds through frames of C. Nothing is formatted here: a message that has
//! arguments is replaced, and the code that would format it is not linked.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        /// Defined by the program. It does not return.
        fn greenlet_panic(message: *const u8, length: usize) -> !;
    }
    let message = info.message().as_str().unwrap_or("greenlet: a panic whose message has arguments");
    // SAFETY: the program's own function, which the header declares so.
    unsafe { greenlet_panic(message.as_ptr(), message.len()) }
}

/// The `core` of hosted targets is compiled for unwinding, and refers to this. It is never called: panics abort.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
