package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
)

// awaitClaim is how long the start waits for the database to say whose the name is. A
// slower one is heard of while it records: footage does not wait for a database.
const awaitClaim = time.Second

// claimName refuses to start where another recorder has this one's name. A database
// that could not be asked at the start refuses nobody: whoever finds later that the name
// is another's records on, and its rows wait.
func (s *Server) claimName(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, awaitClaim)
	defer cancel()
	err := s.catalogue.RefusedAtStart(soon)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.tasks.Go("claim of the name", func(ctx context.Context) error {
		if err := s.catalogue.RefusedAtStart(ctx); errors.Is(err, metadata.ErrClaimed) {
			s.refused <- err
		}
		return nil
	})
	return nil
}

// lookForReplaced asks whose recordings were made in this record path.
func (s *Server) lookForReplaced(ctx context.Context) {
	found, err := s.catalogue.Replaced(ctx)
	if err != nil {
		return // what was known stays
	}
	before := s.replaced.Swap(&found)
	if len(found) > 0 && (before == nil || len(*before) == 0) {
		s.log.Warn("the record path was another directory before, with recordings that are not here", "path", s.cfg.MP4.RecordPath,
			"node", found[0].Node, "last_seen", found[0].LastSeen, "remedy", replacedRemedy(found[0]))
	}
}

func replacedRemedy(r metadata.Replaced) string {
	return fmt.Sprintf("mount the disk with those recordings and restart spool; if this directory takes its place for good, run "+
		"spool reindex --take-over %s, which marks lost what is not here, or spool reindex --accept-directory, which leaves those rows as they are", r.Node)
}

// nodeProblems are what is wrong with this recorder's name and place.
func (s *Server) nodeProblems() (all []pipeline.Problem) {
	if stats := s.catalogue.Stats(); stats.Claimed != "" {
		all = append(all, pipeline.Problem{
			Problem: "node_claimed", Since: stats.ClaimedSince, Cause: stats.Claimed,
			Remedy: "recording goes on, and rows wait in the journal: give each recorder a node.name or a record directory of its own, or stop the other one",
		})
	}
	found := s.replaced.Load()
	if found == nil {
		return all
	}
	for _, r := range *found {
		all = append(all, pipeline.Problem{
			Problem: "record_path_replaced",
			Cause: fmt.Sprintf("directory %s was here until %s, with recordings of node %s that are not in this one",
				r.Directory, r.LastSeen.Format(time.RFC3339), r.Node),
			Remedy: replacedRemedy(r),
		})
	}
	return all
}

// nodeCheck fails while the name is another recorder's, and where the directory is
// newer than one that was here before: what was recorded by mistake into a mount point is no
// reason to call the disk that is back unready.
func (s *Server) nodeCheck() api.Check {
	c := api.Check{Name: "node", OK: true}
	found := s.replaced.Load()
	for _, p := range s.nodeProblems() {
		if p.Problem == "node_claimed" {
			c.OK, c.Detail = false, p.Cause
			return c
		}
	}
	if found != nil {
		for _, r := range *found {
			if r.Older {
				c.OK, c.Detail = false, fmt.Sprintf("the recordings of node %s are not in this directory: %s", r.Node, replacedRemedy(r))
			}
		}
	}
	return c
}
