// SPDX-License-Identifier: Apache-2.0
//
// Types of Qt 5 with constant contents; scenarios/library_types.py knows what has to be seen.
#include <unistd.h>

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>
#include <QVector>

void Keep(const void* object);

namespace qt {

struct Large {
  long a, b, c;
};

struct Sample {
  QString text = QString::fromUtf8("caf\xc3\xa9 \xf0\x9f\x98\x80");
  QString empty;
  QByteArray bytes = "some bytes";
  QList<int> numbers = {1, 2, 3};
  QList<QString> strings = {"one", "two"};
  QStringList list = {"three"};
  QList<Large> large = {{1, 2, 3}, {4, 5, 6}};
  QList<int> none;
  QVector<int> vector = {7, 8};
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return s.numbers.size();
}

}  // namespace qt

int main() {
  const qt::Sample s;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += qt::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
