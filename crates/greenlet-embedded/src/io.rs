//! The traits of embedded-io.

use crate::bridge::Blocking;
use crate::error::Error;
use embedded_io::{BufRead, ErrorType, Read, Write};
use embedded_io_async as asynchronous;
use greenlet_hub::Waits;

impl<W: Waits, D: ErrorType> ErrorType for Blocking<'_, W, D> {
    type Error = Error<D::Error>;
}

impl<W: Waits, D: asynchronous::Read> Read for Blocking<'_, W, D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.bridge.finish(self.device.read(buffer))
    }
}

impl<W: Waits, D: asynchronous::Write> Write for Blocking<'_, W, D> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, Self::Error> {
        self.bridge.finish(self.device.write(buffer))
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.bridge.finish(self.device.flush())
    }
}

impl<W: Waits, D: asynchronous::BufRead> BufRead for Blocking<'_, W, D> {
    fn fill_buf(&mut self) -> Result<&[u8], Self::Error> {
        self.bridge.finish(self.device.fill_buf())
    }

    fn consume(&mut self, amount: usize) {
        self.device.consume(amount);
    }
}
