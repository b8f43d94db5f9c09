// Command peersbench prints what spool and other MP4 libraries cost for the same movie: at 8 Mbit/s, where the bytes
// cost most, and at 1 Mbit/s, where the access units do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/peers"
	"github.com/gospool/spool/bench/yardstick"
)

func main() {
	rounds := flag.Int("runs", 7, "measured rounds; the figures are their medians")
	dir := flag.String("dir", "", "directory on the disk to measure; default: the system's for temporary files")
	json := flag.String("json", "", "file for the values that the target refers to")
	flag.Parse()
	if err := run(*rounds, *dir, *json); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rounds int, parent, json string) (err error) {
	dir, err := os.MkdirTemp(parent, "peersbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println(yardstick.Machine(dir))
	var all []*peers.Comparison
	for _, bitrate := range []int{8e6, 1e6} {
		s := movie.Spec{Codec: "h264", Bitrate: bitrate, FPS: 30, GOP: 2 * time.Second, Length: time.Minute}
		c, err := peers.Compare(context.Background(), dir, s, rounds)
		if err != nil {
			return err
		}
		fmt.Printf("\n%v of %d Mbit/s, sync: none\n", s.Length, bitrate/1e6)
		if err := c.Write(os.Stdout); err != nil {
			return err
		}
		all = append(all, c)
	}
	if json == "" {
		return nil
	}
	file, err := os.Create(json)
	if err != nil {
		return err
	}
	return errors.Join(peers.WriteJSON(file, all), file.Close())
}
