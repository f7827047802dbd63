package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// FerretDB reads a document, changes it and writes it back in separate steps: two updates at once lose one, where MongoDB
// changes each document in one step. So clients speak to it through this: one writing command at a time.
var writing sync.Mutex

var writes = map[string]bool{
	"insert": true, "update": true, "delete": true, "findAndModify": true,
	"create": true, "createIndexes": true, "dropIndexes": true, "drop": true, "dropDatabase": true,
}

const largest = 64 << 20

func serve(listener net.Listener, behind string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", behind)
			if err != nil {
				return
			}
			defer server.Close()
			for exchange(client, server) == nil {
			}
		}()
	}
}

// exchange carries one request over and its answer back.
func exchange(client, server net.Conn) error {
	request, err := message(client)
	if err != nil {
		return err
	}
	if writes[command(request)] {
		writing.Lock()
		defer writing.Unlock()
	}
	if _, err = server.Write(request); err != nil {
		return err
	}
	answer, err := message(server)
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

func message(from io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n < 16 || n > largest {
		return nil, errors.New("not a message")
	}
	whole := make([]byte, n)
	copy(whole, length[:])
	_, err := io.ReadFull(from, whole[4:])
	return whole, err
}

// command is the name of the first field of an OP_MSG's body: header (16 bytes), flags (4), kind of section (1), length (4), type (1), name.
func command(request []byte) string {
	const opMsg, name = 2013, 16 + 4 + 1 + 4 + 1
	if len(request) <= name || binary.LittleEndian.Uint32(request[12:]) != opMsg {
		return ""
	}
	end := bytes.IndexByte(request[name:], 0)
	if end < 0 {
		return ""
	}
	return string(request[name : name+end])
}
