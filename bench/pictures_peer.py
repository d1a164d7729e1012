"""img2dataset's resizer, and OpenCV without what it adds, run on demand: the peers of bench/pictures.ts.

  pictures_peer.py <img2dataset|opencv> <file with paths> <shorter side> <processes>

Starts the processes, each with OpenCV on one thread as img2dataset has them. For each line read from stdin
("go <times>") all pictures are read, decoded, reduced to the shorter side and encoded that many times;
prints one JSON line: seconds, and of these processes together the peak resident memory in MiB and the seconds of CPU so far.
"dump <folder>" writes the results once, for comparing qualities.
"""
import io, json, multiprocessing, os, sys, time, warnings

warnings.filterwarnings("ignore")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
peer, list_of_files, side, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
files = open(list_of_files).read().split("\n")


def resizer():
    return {"img2dataset": img2dataset_resizer, "opencv": opencv_resizer}[peer]()


def img2dataset_resizer():
    from img2dataset.resizer import Resizer

    return Resizer(side, "keep_ratio", True, encode_quality=95, encode_format="jpg")


def opencv_resizer():
    import cv2
    import numpy

    cv2.setNumThreads(1)

    def resize(stream):
        picture = cv2.imdecode(numpy.frombuffer(stream.read(), numpy.uint8), cv2.IMREAD_UNCHANGED)
        height, width = picture.shape[:2]
        scale = side / min(height, width)
        if scale < 1:
            size = (round(width * scale), round(height * scale))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes(), None

    return resize


def work(orders, results):
    resize = resizer()
    results.put(("ready", 0))
    while True:
        paths = orders.get()
        if paths is None:
            return
        done = 0
        for path in paths:
            with open(path, "rb") as file:
                encoded, *_, error = resize(io.BytesIO(file.read()))
            assert error is None and len(encoded) > 0, (path, error)
            done += 1
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        results.put((done, peak / 1024, time.process_time()))


def main():
    results = multiprocessing.Queue()
    orders = [multiprocessing.Queue() for _ in range(workers)]
    processes = [
        multiprocessing.Process(target=work, args=(queue, results), daemon=True) for queue in orders
    ]
    for process in processes:
        process.start()
    for _ in processes:
        results.get()
    print("ready", flush=True)
    for line in sys.stdin:
        command, argument = line.split()
        if command == "dump":
            resize = resizer()
            for path in files:
                with open(path, "rb") as file:
                    encoded = resize(io.BytesIO(file.read()))[0]
                with open(os.path.join(argument, os.path.basename(path)), "wb") as out:
                    out.write(encoded)
            print("dumped", flush=True)
            continue
        paths = files * int(argument)
        started = time.perf_counter()
        for index, queue in enumerate(orders):
            queue.put(paths[index::workers])
        answers = [results.get() for _ in processes]
        seconds = time.perf_counter() - started
        assert sum(done for done, _, _ in answers) == len(paths)
        answer = {
            "seconds": seconds,
            "peakMiB": sum(peak for _, peak, _ in answers),
            "cpuSeconds": sum(cpu for _, _, cpu in answers),
        }
        print(json.dumps(answer), flush=True)
    for queue in orders:
        queue.put(None)


main()
