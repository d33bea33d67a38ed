// SPDX-License-Identifier: Apache-2.0

/** Allocates arrays that G1 has to place by itself ("humongous"), in a cycle of known sizes, until it is ended. */
public final class Humongous {
  static volatile byte[] kept;

  public static void main(String[] arguments) throws InterruptedException {
    System.out.println("ready");
    for (int i = 0; ; ++i) {
      kept = new byte[(3 + i % 4) * 1024 * 1024 - 16];
      Thread.sleep(20);
    }
  }
}
