//! The traits of embedded-hal.

use crate::bridge::Blocking;
use crate::error::Error;
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{self, AddressMode, I2c};
use embedded_hal::spi::{self, SpiBus, SpiDevice};
use embedded_hal_async as asynchronous;
use greenlet_hub::Waits;

impl<W: Waits, D: i2c::ErrorType> i2c::ErrorType for Blocking<'_, W, D> {
    type Error = Error<D::Error>;
}

impl<W: Waits, A: AddressMode, D: asynchronous::i2c::I2c<A>> I2c<A> for Blocking<'_, W, D> {
    fn read(&mut self, address: A, read: &mut [u8]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.read(address, read))
    }

    fn write(&mut self, address: A, write: &[u8]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.write(address, write))
    }

    fn write_read(&mut self, address: A, write: &[u8], read: &mut [u8]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.write_read(address, write, read))
    }

    fn transaction(&mut self, address: A, operations: &mut [i2c::Operation<'_>]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transaction(address, operations))
    }
}

impl<W: Waits, D: spi::ErrorType> spi::ErrorType for Blocking<'_, W, D> {
    type Error = Error<D::Error>;
}

impl<W: Waits, B: Copy + 'static, D: asynchronous::spi::SpiBus<B>> SpiBus<B> for Blocking<'_, W, D> {
    fn read(&mut self, words: &mut [B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.read(words))
    }

    fn write(&mut self, words: &[B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.write(words))
    }

    fn transfer(&mut self, read: &mut [B], write: &[B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transfer(read, write))
    }

    fn transfer_in_place(&mut self, words: &mut [B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transfer_in_place(words))
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.flush())
    }
}

impl<W: Waits, B: Copy + 'static, D: asynchronous::spi::SpiDevice<B>> SpiDevice<B> for Blocking<'_, W, D> {
    fn transaction(&mut self, operations: &mut [spi::Operation<'_, B>]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transaction(operations))
    }

    fn read(&mut self, words: &mut [B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.read(words))
    }

    fn write(&mut self, words: &[B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.write(words))
    }

    fn transfer(&mut self, read: &mut [B], write: &[B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transfer(read, write))
    }

    fn transfer_in_place(&mut self, words: &mut [B]) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.transfer_in_place(words))
    }
}

/// A delay that is stopped returns early. Each operation after it fails with [`Error::Stopped`].
impl<W: Waits, D: asynchronous::delay::DelayNs> DelayNs for Blocking<'_, W, D> {
    fn delay_ns(&mut self, ns: u32) {
        let _stopped = self.bridge.wait(self.device.delay_ns(ns)).is_none();
    }

    fn delay_us(&mut self, us: u32) {
        let _stopped = self.bridge.wait(self.device.delay_us(us)).is_none();
    }

    fn delay_ms(&mut self, ms: u32) {
        let _stopped = self.bridge.wait(self.device.delay_ms(ms)).is_none();
    }
}
