// Go's net/rpc as a peer of a side-by-side measurement:
// peer serve ADDR | load ADDR OP SIZE CONNECTIONS DEPTH WARM_MS COUNT_MS | idle ADDR CONNECTIONS.
// Its load writes the lines that tests/peers/ours/src/meter.rs describes.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const keys = 1000

func key(i int) string { return fmt.Sprintf("key-%012d", i%keys) }

func value(i int) []byte {
	bytes := make([]byte, 64)
	for j := range bytes {
		bytes[j] = byte(i + j)
	}
	return bytes
}

type Pair struct {
	Key   string
	Value []byte
}

type Nothing struct{}

type Peer struct {
	lock  sync.Mutex
	store map[string][]byte
}

func (peer *Peer) Echo(bytes []byte, reply *[]byte) error {
	*reply = bytes
	return nil
}

func (peer *Peer) Get(key string, reply *[]byte) error {
	peer.lock.Lock()
	*reply = peer.store[key]
	peer.lock.Unlock()
	return nil
}

func (peer *Peer) Put(pair *Pair, _ *Nothing) error {
	peer.lock.Lock()
	peer.store[pair.Key] = pair.Value
	peer.lock.Unlock()
	return nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func serve(address string) {
	peer := &Peer{store: map[string][]byte{}}
	for i := 0; i < keys; i++ {
		peer.store[key(i)] = value(i)
	}
	must(rpc.RegisterName("Peer", peer))
	listener, err := net.Listen("tcp", address)
	must(err)
	for {
		stream, err := listener.Accept() // Go sets TCP_NODELAY by itself
		must(err)
		go rpc.ServeConn(stream)
	}
}

func dial(address string) *rpc.Client {
	client, err := rpc.Dial("tcp", address)
	must(err)
	return client
}

// call makes one call, and checks the length of its reply.
func call(client *rpc.Client, op string, i int, payload []byte) {
	var reply []byte
	expected := 64
	switch op {
	case "echo":
		must(client.Call("Peer.Echo", payload, &reply))
		expected = len(payload)
	case "get":
		must(client.Call("Peer.Get", key(i), &reply))
	case "put":
		must(client.Call("Peer.Put", &Pair{key(i), value(i)}, &Nothing{}))
		expected = 0
	}
	if len(reply) != expected {
		must(fmt.Errorf("a reply of %d bytes", len(reply)))
	}
}

// rounded keeps three digits, so that equal latencies share a line.
func rounded(nanoseconds int64) int64 {
	unit := int64(1)
	for nanoseconds/unit >= 1000 {
		unit *= 10
	}
	return nanoseconds / unit * unit
}

type counter struct {
	done atomic.Int64
	_    [120]byte // a cache line of its own
}

func load(address, op string, size, connections, depth int, warm, counted time.Duration) {
	var stop, counts atomic.Bool
	timed := connections*depth == 1
	counters := make([]counter, connections*depth)
	latencies := map[int64]int{} // written by the only goroutine that is timed
	var lanes sync.WaitGroup
	for connection := 0; connection < connections; connection++ {
		client := dial(address)
		for slot := 0; slot < depth; slot++ {
			me := connection*depth + slot
			lanes.Add(1)
			go func() {
				defer lanes.Done()
				payload := make([]byte, size)
				for i := me * 17; !stop.Load(); i++ {
					if timed {
						began := time.Now()
						call(client, op, i, payload)
						if took := int64(time.Since(began)); counts.Load() {
							latencies[rounded(took)]++
						}
					} else {
						call(client, op, i, payload)
					}
					counters[me].done.Add(1)
				}
			}()
		}
	}
	total := func() (sum int64) {
		for i := range counters {
			sum += counters[i].done.Load()
		}
		return
	}
	time.Sleep(warm)
	counts.Store(true)
	began := time.Now()
	fmt.Println("begin", total())
	time.Sleep(counted)
	fmt.Println("end", total(), time.Since(began).Nanoseconds())
	stop.Store(true)
	lanes.Wait()
	for nanoseconds, count := range latencies {
		fmt.Println("latency", nanoseconds, count)
	}
}

func idle(address string, connections int) {
	input := bufio.NewReader(os.Stdin)
	step := func(name string) {
		fmt.Println(name)
		_, err := input.ReadString('\n')
		must(err)
	}
	first := dial(address)
	call(first, "get", 0, nil)
	step("first")
	clients := make([]*rpc.Client, connections)
	for i := range clients {
		clients[i] = dial(address)
	}
	step("connected")
	for _, client := range clients {
		call(client, "get", 1, nil)
	}
	step("called")
}

func main() {
	words := os.Args[1:]
	switch {
	case len(words) == 2 && words[0] == "serve":
		serve(words[1])
	case len(words) == 8 && words[0] == "load":
		time := func(text string) time.Duration { return time.Duration(number(text)) * time.Millisecond }
		load(words[1], words[2], number(words[3]), number(words[4]), number(words[5]), time(words[6]), time(words[7]))
	case len(words) == 3 && words[0] == "idle":
		idle(words[1], number(words[2]))
	default:
		must(fmt.Errorf("usage: serve ADDR | load ADDR OP SIZE CONNECTIONS DEPTH WARM_MS COUNT_MS | idle ADDR CONNECTIONS"))
	}
}
