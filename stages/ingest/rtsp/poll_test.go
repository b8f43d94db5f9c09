package rtsp

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pipe returns both ends of a streaming TCP connection: its reader has a buffer and leaves packets to poll.
func pipe(t *testing.T) (out net.Conn, in *conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	out, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.Close() })
	accepted, err := ln.Accept()
	require.NoError(t, err)
	in = newConn(accepted, nil)
	t.Cleanup(func() { _ = in.Close() })
	_, err = out.Write(make([]byte, 60_000))
	require.NoError(t, err)
	for range 60 {
		_, err = io.ReadFull(in, make([]byte, 1000))
		require.NoError(t, err)
	}
	require.NotEmpty(t, in.buf)
	return out, in
}

func TestPolledBytesComeInOrderAndThenTheEnd(t *testing.T) {
	out, in := pipe(t)
	want := make([]byte, 3<<20)
	rnd := rand.New(rand.NewPCG(5, 6))
	for i := range want {
		want[i] = byte(rnd.Uint32())
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(1+rnd.IntN(20_000), len(rest))
			if _, err := out.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		_ = out.Close()
	}()
	got, err := io.ReadAll(in)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

// A request on a connection that streams, or has stopped, is far below the bytes that the kernel holds back.
func TestASingleByteIsReceived(t *testing.T) {
	out, in := pipe(t)
	got := make([]byte, 1)
	for i := range byte(20) {
		_, err := out.Write([]byte{i})
		require.NoError(t, err)
		_, err = io.ReadFull(in, got)
		require.NoError(t, err)
		require.Equal(t, i, got[0])
	}
	heard := make(chan error)
	go func() {
		_, err := in.Read(got)
		heard <- err
	}()
	require.Eventually(t, func() bool { return heardFrom(in) == 1 }, time.Minute, time.Millisecond, "it does not cease to gather")
	_, err := out.Write([]byte{99})
	require.NoError(t, err)
	require.NoError(t, <-heard)
	require.Equal(t, byte(99), got[0])
}

// A read that does not poll waits for a single byte, too: a read into a large buffer, and one after a read that filled
// the buffer of the connection.
func TestAReadThatDoesNotPollHoldsNoByteBack(t *testing.T) {
	for name, size := range map[string]int{"large": maxReadAheadBytes, "after a full buffer": 1} {
		t.Run(name, func(t *testing.T) {
			out, in := pipe(t)
			_, err := out.Write([]byte{7})
			require.NoError(t, err)
			_, err = io.ReadFull(in, make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, unpolledBytes, heardFrom(in), "it is polled")
			in.rest = false
			heard := make(chan int)
			go func() {
				n, _ := in.Read(make([]byte, size))
				heard <- n
			}()
			require.Eventually(t, func() bool { return heardFrom(in) == 1 }, time.Minute, time.Millisecond)
			_, err = out.Write([]byte{9})
			require.NoError(t, err)
			require.Equal(t, 1, <-heard)
		})
	}
}

// heardFrom returns the number of bytes from which the kernel notifies the reader.
func heardFrom(c *conn) (n int) {
	_ = c.raw.Control(func(fd uintptr) { n, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT) })
	return n
}

func TestCloseEndsAReadThatGathers(t *testing.T) {
	_, in := pipe(t)
	ended := make(chan error)
	go func() {
		_, err := in.Read(make([]byte, 1))
		ended <- err
	}()
	require.NoError(t, in.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

// A poll reads without an allocation, whether data has arrived or not: thousands happen each second.
func TestAPollAllocatesNothing(t *testing.T) {
	out, in := pipe(t)
	buf := make([]byte, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { in.arrived(buf) }), "no data")
	n, again := in.arrived(buf)
	require.Zero(t, n)
	require.True(t, again)
	_, err := out.Write(make([]byte, 10_000))
	require.NoError(t, err)
	read := 0
	require.Zero(t, testing.AllocsPerRun(1, func() {
		for read < 10_000 {
			n, _ := in.arrived(buf)
			read += n
		}
	}))
	require.Equal(t, 10_000, read)
}

// All connections are polled at common moments, those that read little half as often.
func TestPollingMomentsAreCommon(t *testing.T) {
	for now := time.Duration(0); now < time.Second; now += 700 * time.Microsecond {
		for _, read := range []int{0, 1, busyBytes - 1} {
			pause := pauseAfter(read, now)
			require.Zero(t, (now+pause)%pollEvery)
			require.True(t, pause > 0 && pause <= pollEvery, pause)
		}
		pause := pauseAfter(busyBytes, now)
		require.Zero(t, (now+pause)%pollBusyEvery)
		require.True(t, pause > 0 && pause <= pollBusyEvery, pause)
	}
}

// A connection is polled faster only while its polls read much.
func TestAPollThatReadsMuchHastensTheNext(t *testing.T) {
	out, in := pipe(t)
	for _, size := range []int{1000, busyBytes + 1000, 1000} {
		_, err := out.Write(make([]byte, size))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return peek(in) == size }, time.Minute, time.Millisecond)
		require.Equal(t, size, in.poll(make([]byte, maxReadAheadBytes)))
		require.Equal(t, size, in.polledBytes)
	}
	require.Zero(t, in.poll(make([]byte, 1000)), "polling ends without data")
	require.Zero(t, in.polledBytes)
}

// peek returns the number of bytes that the next poll would read.
func peek(c *conn) (n int) {
	_ = c.raw.Control(func(fd uintptr) {
		n, _, _ = syscall.Recvfrom(int(fd), make([]byte, maxReadAheadBytes), syscall.MSG_PEEK)
	})
	return n
}
