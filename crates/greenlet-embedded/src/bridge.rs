//! Between a task and the devices that it uses as blocking ones.

use crate::error::Error;
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use greenlet_hub::Waits;

/// What makes asynchronous devices [`Blocking`] ones for the code of one task, and keeps the reason if a wait is
/// stopped.
///
/// Drivers have errors of their own, and `DelayNs` has none, so a reason to stop cannot pass through them. It is kept
/// here instead. From then on each operation of the devices of this bridge fails at once with [`Error::Stopped`], and
/// their delays return at once, until [`run`](Self::run) or [`take_stop`](Self::take_stop) has returned the reason.
///
/// `W` is most often a `&Task`.
///
/// ```
/// use core::time::Duration;
/// use embedded_hal::delay::DelayNs as _;
/// use greenlet_embedded::Bridge;
/// use greenlet_hub::{Hub, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
///
/// struct Never; // a device that never answers
/// impl embedded_hal_async::delay::DelayNs for Never {
///     async fn delay_ns(&mut self, _ns: u32) { core::future::pending().await }
/// }
/// HUB.run(|me| {
///     let bridge = Bridge::new(me);
///     let mut device = bridge.blocking(Never);
///     // A timeout that neither the device nor its driver implements.
///     let done = me.with_timeout(Duration::from_millis(1), || bridge.run(|| device.delay_ms(5)));
///     assert_eq!(done, Ok(None));
/// }).unwrap();
/// ```
pub struct Bridge<W: Waits> {
    waits: W,
    stop: Cell<Option<W::Stop>>,
}

impl<W: Waits> Bridge<W> {
    /// Creates a bridge for what waits by `waits`.
    ///
    /// ```
    /// # use greenlet_embedded::Bridge;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|me| {
    /// let bridge = Bridge::new(me);
    /// # let _ = bridge;
    /// # }).unwrap();
    /// ```
    pub const fn new(waits: W) -> Self {
        Self { waits, stop: Cell::new(None) }
    }

    /// Makes a blocking device of an asynchronous one. A `&mut` to a device is a device, too.
    ///
    /// ```
    /// # use embedded_hal::delay::DelayNs as _;
    /// # use greenlet_embedded::Bridge;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # struct Timer;
    /// # impl embedded_hal_async::delay::DelayNs for Timer { async fn delay_ns(&mut self, _ns: u32) {} }
    /// # HUB.run(|me| {
    /// let mut timer = Timer; // of an asynchronous HAL
    /// let bridge = Bridge::new(me);
    /// bridge.blocking(&mut timer).delay_ms(5);
    /// # }).unwrap();
    /// ```
    pub const fn blocking<D>(&self, device: D) -> Blocking<'_, W, D> {
        Blocking { bridge: self, device }
    }

    /// Runs code that uses the devices of this bridge, and returns what it returns, unless a wait in it was stopped.
    ///
    /// A `run` inside of another one takes the reason, and the outer one has none then: so return what the inner one
    /// returned, with `?`.
    ///
    /// # Errors
    ///
    /// The reason to stop, whatever the code has made of it. If one was kept before, the code does not run.
    ///
    /// ```
    /// # use embedded_hal::i2c::{ErrorKind, ErrorType, I2c as _, Operation};
    /// # use greenlet_embedded::Bridge;
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # struct Bus;
    /// # impl ErrorType for Bus { type Error = ErrorKind; }
    /// # impl embedded_hal_async::i2c::I2c for Bus {
    /// #     async fn transaction(&mut self, _: u8, _: &mut [Operation<'_>]) -> Result<(), ErrorKind> { Ok(()) }
    /// # }
    /// # HUB.run(|me| {
    /// let bridge = Bridge::new(me);
    /// let mut bus = bridge.blocking(Bus);
    /// assert_eq!(bridge.run(|| bus.write(0x48, &[1])), Ok(Ok(())));
    /// me.remote().kill();
    /// # me.yield_now().unwrap_err();
    /// assert_eq!(bridge.run(|| bus.write(0x48, &[1]).is_ok()), Err(Stop::Killed));
    /// # }).unwrap();
    /// ```
    pub fn run<R>(&self, body: impl FnOnce() -> R) -> Result<R, W::Stop> {
        if let Some(stop) = self.take_stop() {
            return Err(stop);
        }
        let result = body();
        self.take_stop().map_or(Ok(result), Err)
    }

    /// Returns the reason if a wait was stopped, and forgets it: the devices can be used again.
    ///
    /// ```
    /// # use embedded_hal::delay::DelayNs as _;
    /// # use greenlet_embedded::Bridge;
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # struct Timer;
    /// # impl embedded_hal_async::delay::DelayNs for Timer { async fn delay_ns(&mut self, _ns: u32) {} }
    /// # HUB.run(|me| {
    /// let bridge = Bridge::new(me);
    /// let mut timer = bridge.blocking(Timer);
    /// me.remote().kill();
    /// # me.yield_now().unwrap_err();
    /// timer.delay_ms(5); // returns early, and has no error
    /// assert_eq!(bridge.take_stop(), Some(Stop::Killed));
    /// # }).unwrap();
    /// ```
    pub fn take_stop(&self) -> Option<W::Stop> {
        self.stop.take()
    }

    /// Waits for an operation of a device.
    pub(crate) fn wait<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let stop = match self.stop.take() {
            Some(stop) => stop,
            None => match self.waits.wait(operation) {
                Ok(done) => return Some(done),
                Err(stop) => stop,
            },
        };
        self.stop.set(Some(stop));
        None
    }

    /// Waits for an operation of a device that may fail.
    pub(crate) fn finish<T, D>(&self, operation: impl Future<Output = Result<T, D>>) -> Result<T, Error<D>> {
        self.wait(operation).map_or(Err(Error::Stopped), |done| done.map_err(Error::Device))
    }
}

impl<W: Waits> fmt::Debug for Bridge<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = self.stop.take();
        let stopped = stop.is_some();
        self.stop.set(stop);
        f.debug_struct("Bridge").field("stopped", &stopped).finish_non_exhaustive()
    }
}

/// An asynchronous device as a blocking one: while it waits, other tasks run. Made by [`Bridge::blocking`].
///
/// It implements the blocking traits whose asynchronous counterpart `D` implements. If a wait is stopped, the future of
/// the operation is dropped, which cancels the transfer: what of it the device has done by then, and whether the bus
/// has to be recovered, is said in the documentation of the device.
///
/// ```
/// # use embedded_hal::delay::DelayNs;
/// # use greenlet_embedded::Bridge;
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # struct Timer;
/// # impl embedded_hal_async::delay::DelayNs for Timer { async fn delay_ns(&mut self, _ns: u32) {} }
/// fn blink(mut delay: impl DelayNs) { // blocking code
///     for _ in 0..3 { delay.delay_ms(500); }
/// }
/// # HUB.run(|me| {
/// blink(Bridge::new(me).blocking(Timer));
/// # }).unwrap();
/// ```
pub struct Blocking<'b, W: Waits, D> {
    pub(crate) bridge: &'b Bridge<W>,
    pub(crate) device: D,
}

impl<W: Waits, D> Blocking<'_, W, D> {
    /// Returns the asynchronous device.
    ///
    /// ```
    /// # use greenlet_embedded::Bridge;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|me| {
    /// let bridge = Bridge::new(me);
    /// assert_eq!(bridge.blocking("a device").into_inner(), "a device");
    /// # }).unwrap();
    /// ```
    pub fn into_inner(self) -> D {
        self.device
    }
}

impl<W: Waits, D: fmt::Debug> fmt::Debug for Blocking<'_, W, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("device", &self.device).field("bridge", self.bridge).finish()
    }
}
