package transport

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	srt "github.com/datarhei/gosrt"
	"github.com/stretchr/testify/require"
)

// The peer closes while the latency holds the newest packets back: they are delivered.
func TestAllPacketsAreDeliveredAtTheEnd(t *testing.T) {
	for name, passphrase := range map[string]string{"plain": "", "encrypted": "a passphrase"} {
		t.Run(name, func(t *testing.T) {
			l, conns := receiver(t, config(), passphrase)
			c, err := dial(t, l.Addr(), func(cfg *srt.Config) { cfg.Passphrase = passphrase })
			require.NoError(t, err)
			got := <-conns
			send(t, c, 200, time.Millisecond)
			drained(t, c)
			require.NoError(t, c.Close())
			got.wait(t)
			require.ErrorIs(t, got.err, ErrClosed)
			require.Equal(t, numbers(200), got.numbers)
			require.Zero(t, got.lost)
			require.Equal(t, uint64(200), got.conn.Stats().Packets)
		})
	}
}

// A network that loses 5 % of the datagrams both ways, and delays the rest by up to 30 ms, loses nothing: not even handshakes.
func TestLostPacketsAreSentAgain(t *testing.T) {
	for range 3 {
		seed := uint64(time.Now().UnixNano())
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.Latency = cfg.MaxLatency // a slow machine is a part of the network
			l, conns := receiver(t, cfg, "")
			connect := func() (srt.Conn, error) { // gosrt sends a handshake once, which may get lost
				random := rand.New(rand.NewPCG(seed, 0))
				seed++
				return dial(t, relay(t, l.Addr(), 30*time.Millisecond, func([]byte) bool { return random.Float64() < 0.05 }), nil)
			}
			c, err := connect()
			for err != nil {
				c, err = connect()
			}
			send(t, c, 2000, time.Millisecond)
			got := <-conns
			for len(conns) > 0 {
				got = <-conns
			}
			further := make([]byte, 1316)
			binary.BigEndian.PutUint32(further, 2000)
			require.Eventually(t, func() bool { // gosrt sends nothing again of its own: if the last packet is lost, only the next one shows that
				_, err := c.Write(further)
				return err == nil && got.count() >= 2000
			}, patience, 10*time.Millisecond)
			require.NoError(t, c.Close())
			got.conn.HangUp(ErrClosed) // the peer's SHUTDOWN may be lost
			got.wait(t)
			require.Equal(t, numbers(2000), got.numbers[:2000])
			require.Positive(t, got.conn.Stats().Again)
		})
	}
}

// Packets that never arrive are counted, and those behind them are delivered.
func TestLossesAreCounted(t *testing.T) {
	l, conns := receiver(t, config(), "")
	lost := map[uint32]bool{20: true, 21: true, 50: true}
	c, err := dial(t, relay(t, l.Addr(), 0, func(b []byte) bool { return len(b) > 1000 && lost[order.Uint32(b[16:])] }), nil)
	require.NoError(t, err)
	got := <-conns
	send(t, c, 100, time.Millisecond)
	require.Eventually(t, func() bool { return got.count() == 97 }, patience, time.Millisecond)
	require.NoError(t, c.Close())
	got.wait(t)
	require.Equal(t, uint64(3), got.lost)
	require.Equal(t, Stats{Packets: 97, Lost: 3}, Stats{got.conn.Stats().Packets, got.conn.Stats().Lost, 0})
	require.NotContains(t, got.numbers, uint32(21))
}

// The times of packets are those at which they were sent, however the network delays them.
func TestTimesHaveNoJitter(t *testing.T) {
	cfg := config()
	cfg.Latency = 2 * time.Second // on a busy machine nothing is too late
	l, conns := receiver(t, cfg, "")
	c, err := dial(t, relay(t, l.Addr(), 30*time.Millisecond, func([]byte) bool { return false }), nil)
	require.NoError(t, err)
	got := <-conns
	began := time.Now()
	send(t, c, 500, 2*time.Millisecond)
	drained(t, c)
	ended := time.Now()
	require.NoError(t, c.Close())
	got.wait(t)
	require.Equal(t, numbers(500), got.numbers)
	for i, at := range got.times {
		require.False(t, at.Before(began.Add(-time.Second)), "packet %d", i)
		require.False(t, at.After(ended.Add(time.Second)), "packet %d", i)
		if i > 0 && at.Before(got.times[i-1]) { // the base may move back as a faster packet comes
			require.Less(t, got.times[i-1].Sub(at), 31*time.Millisecond)
		}
	}
}

// The sender changes its key while it sends.
func TestTheKeyChanges(t *testing.T) {
	l, conns := receiver(t, config(), "a passphrase")
	c, err := dial(t, l.Addr(), func(cfg *srt.Config) {
		cfg.Passphrase, cfg.PBKeylen, cfg.KMRefreshRate, cfg.KMPreAnnounce = "a passphrase", 32, 1500, 400
	})
	require.NoError(t, err)
	got := <-conns
	send(t, c, 3200, time.Millisecond)
	drained(t, c)
	require.NoError(t, c.Close())
	got.wait(t)
	require.Equal(t, numbers(3200), got.numbers)
	require.NotZero(t, got.conn.keys.changedUS)
}

// A peer without any packet is gone.
func TestAPeerThatIsGone(t *testing.T) {
	l, conns := receiver(t, config(), "")
	var gone atomic.Bool
	c, err := dial(t, relay(t, l.Addr(), 0, func([]byte) bool { return gone.Load() }), nil)
	require.NoError(t, err)
	defer c.Close()
	got := <-conns
	send(t, c, 20, time.Millisecond)
	drained(t, c)
	gone.Store(true)
	got.wait(t)
	require.ErrorIs(t, got.err, ErrIdle)
	require.Equal(t, numbers(20), got.numbers)
}

// Data beyond the limit of memory is lost, and counted.
func TestTheMemoryIsBounded(t *testing.T) {
	cfg := config()
	cfg.Latency, cfg.Memory.LimitBytes = time.Second, 200_000
	l, conns := receiver(t, cfg, "")
	c, err := dial(t, l.Addr(), nil)
	require.NoError(t, err)
	got := <-conns
	send(t, c, 2000, time.Millisecond)
	require.Eventually(t, func() bool { return got.count() > 100 }, patience, time.Millisecond)
	require.NoError(t, c.Close())
	got.wait(t)
	require.Positive(t, got.lost)
	require.Less(t, got.count(), 2000)
}
